// What the programs in Go share; report.py says what a finding is.
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

const (
	argsJSON = `{"n": 1, "s": "é"}`
	exact    = "123456789.123456789"
	big      = 9007199254740993
)

var args = map[string]interface{}{"n": 1, "s": "é"}

var order = strings.Fields(`cast usd_float usd_exact key_uuid args_object args_string args_text result_text result_list lease_duration lease_seconds nulls
	read_jsonb read_interval read_numeric read_bigint read_wait read_uuid
	autocommit batch warning guard guard_batch guard_plain parallel shared_connection
	prepared session_set listen startup`)

// A form of an argument: the word for it, its SQL, its value.
type form struct {
	word, argument string
	value          interface{}
}

// Each pool of pgbouncer is a name of its own for the database: what one check leaves in it harms no other.
func dsn(driver, mode, pool, user string) string {
	port := map[string]string{"direct": "PGPORT", "pooled": "POOL_PORT", "bare": "BARE_PORT"}[mode]
	database := driver + pool
	if mode == "direct" {
		database = os.Getenv("PGDATABASE")
	}
	return fmt.Sprintf("host=%s port=%s dbname=%s user=%s password=%s sslmode=disable",
		os.Getenv("PGHOST"), os.Getenv(port), database, user, os.Getenv("PGPASSWORD"))
}

func newKey() string {
	var b [16]byte
	_, err := rand.Read(b[:])
	try(err)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func try(err error) {
	if err != nil {
		panic(err)
	}
}

func either(yes bool, word, otherwise string) string {
	if yes {
		return word
	}
	return otherwise
}

func patience(mode string) time.Duration {
	if mode == "direct" {
		return 100 * time.Second
	}
	return time.Second
}

// Eight workers ask for one key.
func together(verdict func() string) string {
	var all sync.WaitGroup
	verdicts := make([]string, 8)
	for i := range verdicts {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			defer func() {
				if err := recover(); err != nil {
					verdicts[i] = fmt.Sprint(err)
				}
			}()
			verdicts[i] = verdict()
		}(i)
	}
	all.Wait()
	sort.Strings(verdicts)
	found := strings.Join(verdicts, " ")
	return either(found == "run"+strings.Repeat(" wait", 7), "one run", found)
}

// One line for each check: MODE, CHECK, FINDING.
func report(mode string, checks map[string]func() string) {
	for _, name := range order {
		func() {
			defer func() {
				if err := recover(); err != nil {
					fmt.Printf("%s\t%s\tpanic: %s\n", mode, name, strings.Split(fmt.Sprint(err), "\n")[0])
				}
			}()
			fmt.Printf("%s\t%s\t%s\n", mode, name, checks[name]())
		}()
	}
}
