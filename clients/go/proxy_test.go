package agentcore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
)

// A way to the server that breaks where it is told to: at a statement that has a word in it.
type proxy struct {
	listener net.Listener
	lock     sync.Mutex
	faults   []*fault
	open     map[net.Conn]bool
	away     bool
	used     int            // faults that came to pass
	words    map[string]int // statements that were seen, by function
	held     chan func()    // lets a statement that is held go on
}

// before: the statement does not arrive; after: its answer is lost; stall: its answer never comes; hold: it waits
type fault struct{ word, how string }

func newProxy(t *testing.T) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, open: map[net.Conn]bool{}, words: map[string]int{}, held: make(chan func(), 100)}
	go p.accept()
	t.Cleanup(func() {
		listener.Close()
		p.cut()
	})
	return p
}

func (p *proxy) dsn() string {
	port := p.listener.Addr().(*net.TCPAddr).Port
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable", port, os.Getenv("PGUSER"), os.Getenv("PGDATABASE"))
}

func (p *proxy) drop(word, how string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.faults = append(p.faults, &fault{word, how})
}

func (p *proxy) uses() int {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.used
}

func (p *proxy) seen(function string) int {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.words[function]
}

func (p *proxy) refuse(away bool) {
	p.lock.Lock()
	p.away = away
	p.lock.Unlock()
	if away {
		p.cut()
	}
}

// cut ends every connection.
func (p *proxy) cut() {
	p.lock.Lock()
	defer p.lock.Unlock()
	for conn := range p.open {
		conn.Close()
		delete(p.open, conn)
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", fmt.Sprintf("%s/.s.PGSQL.%s", os.Getenv("PGHOST"), os.Getenv("PGPORT")))
		p.lock.Lock()
		if err != nil || p.away {
			client.Close()
			if err == nil {
				server.Close()
			}
		} else {
			p.open[client], p.open[server] = true, true
			w := &way{proxy: p, client: client, server: server}
			go w.questions()
			go w.answers()
		}
		p.lock.Unlock()
	}
}

// One connection.
type way struct {
	proxy          *proxy
	client, server net.Conn
	lock           sync.Mutex
	doomed         string // how its next answer is lost
}

func (w *way) end() {
	w.client.Close()
	w.server.Close()
	w.proxy.lock.Lock()
	defer w.proxy.lock.Unlock()
	delete(w.proxy.open, w.client)
	delete(w.proxy.open, w.server)
}

// message reads one: its type, where it has one, its length and its body.
func message(from io.Reader, typed bool) ([]byte, error) {
	head := make([]byte, 4)
	if typed {
		head = make([]byte, 5)
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	whole := make([]byte, len(head)+int(binary.BigEndian.Uint32(head[len(head)-4:]))-4)
	copy(whole, head)
	_, err := io.ReadFull(from, whole[len(head):])
	return whole, err
}

func (w *way) questions() {
	defer w.end()
	for typed := false; ; typed = true {
		one, err := message(w.client, typed)
		if err != nil {
			return
		}
		how := ""
		if typed && (one[0] == 'P' || one[0] == 'Q') {
			how = w.proxy.meets(one)
		}
		switch how {
		case "before":
			return
		case "hold":
			wait := make(chan struct{})
			w.proxy.held <- func() { close(wait) }
			<-wait
		case "after", "stall":
			w.lock.Lock()
			w.doomed = how
			w.lock.Unlock()
		}
		if _, err := w.server.Write(one); err != nil {
			return
		}
	}
}

// meets is the fault that the statement meets.
func (p *proxy) meets(statement []byte) string {
	p.lock.Lock()
	defer p.lock.Unlock()
	if _, rest, found := bytes.Cut(statement, []byte("agentcore.")); found {
		function, _, _ := bytes.Cut(rest, []byte("("))
		p.words[string(function)]++
	}
	for i, one := range p.faults {
		if bytes.Contains(statement, []byte("agentcore."+one.word+"(")) {
			p.faults = append(p.faults[:i:i], p.faults[i+1:]...)
			p.used++
			return one.how
		}
	}
	return ""
}

func (w *way) answers() {
	defer w.end()
	for {
		one, err := message(w.server, true)
		if err != nil {
			return
		}
		w.lock.Lock()
		doomed := w.doomed
		w.lock.Unlock()
		if doomed != "" {
			// the server has done it all when it is ready for the next statement
			if one[0] == 'Z' && doomed == "after" {
				return
			}
			continue
		}
		if _, err := w.client.Write(one); err != nil {
			return
		}
	}
}
