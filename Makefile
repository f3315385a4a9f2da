# agentcore: PGXS build, tests, demo and benchmarks.  `make help` lists the targets.

EXTENSION  = agentcore
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" agentcore.control)
MODULE_big = agentcore

# Lowest first: a room includes the public headers of rooms before it only, and of those the ones that the table in doc/architecture.md names.
ROOMS = core text schema retry tool cache price budget allow task approval record profile call replay report

OBJS = src/agentcore.o $(patsubst %.c,%.o,$(sort $(foreach room,$(ROOMS),$(wildcard src/$(room)/*.c))))

# The install script: ROOM.sql of each room, or the files that SQL_ROOM lists, in this order.
SQL_core   = core partition revision
SQL_tool   = tool history import
SQL_allow  = allow special history rules checks check document views
SQL_price  = price model_alias price_import
SQL_budget = budget define template permit status spend ledger verify
SQL_task   = task fact limit once
SQL_approval = approval
SQL_record = record retention seal
SQL_call   = call model tools_for config config_policy config_history
SQL_replay = replay suggest
SQL_report = metrics spans profile
room_sql   = $(if $(SQL_$(1)),$(patsubst %,src/$(1)/%.sql,$(SQL_$(1))),$(wildcard src/$(1)/$(1).sql))
SQL_PARTS  = src/core/install_guard.sql \
	$(foreach room,$(ROOMS),$(call room_sql,$(room))) \
	src/core/install_finish.sql
DATA_built = agentcore--$(EXTVERSION).sql
DATA       = $(wildcard upgrade/agentcore--*--*.sql)
DOCS       = $(wildcard doc/*.md)

PG_CPPFLAGS = -I$(CURDIR)/src -DAGENTCORE_VERSION='"$(EXTVERSION)"' $(shell pkg-config --cflags libpcre2-8 libcrypto)
PG_CFLAGS   = -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK  = $(shell pkg-config --libs libpcre2-8 libcrypto)

# TEST_POINTS=1: a build whose sessions can be stopped at named points (src/core/test_point.h)
ifdef TEST_POINTS
PG_CPPFLAGS += -DAGENTCORE_TEST_POINTS
endif

# Without ICU host names outside ASCII are refused.
ifeq ($(shell pkg-config --exists icu-uc 2>/dev/null && echo yes),yes)
PG_CPPFLAGS += -DAGENTCORE_ICU $(shell pkg-config --cflags icu-uc)
SHLIB_LINK  += $(shell pkg-config --libs icu-uc)
endif

# Without libpsl only top-level domains count as public suffixes.
ifeq ($(shell pkg-config --exists libpsl 2>/dev/null && echo yes),yes)
PG_CPPFLAGS += -DAGENTCORE_PSL $(shell pkg-config --cflags libpsl)
SHLIB_LINK  += $(shell pkg-config --libs libpsl)
endif

REGRESS      = $(patsubst sql/%.sql,%,$(wildcard sql/*.sql))
REGRESS_OPTS = --inputdir=. --load-extension=agentcore
ISOLATION    = $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=agentcore

EXTRA_CLEAN = agentcore--?*.sql build

PG_CONFIG ?= pg_config

# The targets of the house are scripts (tools/, test/bench), which find or install what
# they need themselves; everything else is PGXS.
HOUSE = help demo report reference check check-% bench bench-% format lint sanitize fuzz coverage
ifneq ($(filter-out $(HOUSE),$(or $(MAKECMDGOALS),all)),)

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error no PostgreSQL server headers: run tools/setup, or set PG_CONFIG=/path/to/pg_config)
endif
# no bitcode where the clang that PostgreSQL was built with is absent
ifeq ($(shell command -v $$(sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)),)
override with_llvm = no
endif
include $(PGXS)

agentcore--$(EXTVERSION).sql: $(SQL_PARTS)
	cat $^ > $@

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h) agentcore.control

else
.PHONY: help demo report reference check check-hard check-versions bench bench-compare format lint sanitize fuzz coverage FORCE
export PG_CONFIG

help: ## this list
	@echo 'make, make install, make clean: the extension itself (PGXS; PG_CONFIG=/path/to/pg_config)'
	@sed -n 's/^\([a-z%-]*\):.*## /\1\t/p' Makefile | sort | expand -t 20

demo: ## replay a log of agent calls through the gate: [KEEP=1] [MODE=audit] [TOOLS=f.jsonl CALLS=f.jsonl]
	@tools/run-demo

check: ## every test on private clusters; ends with "N passed, N failed": [SEED=random]
	@tools/run-check

check-%: FORCE ## one part: build, regress, isolation, pgtap, tap, model, conformance, cases, drivers, clients, monitoring, reference, demo, bench or lint: [TESTS='NAME ...'] [ACCEPT=1] [SEED=random]
	@tools/run-check $*

check-hard: ## the tests on a PostgreSQL built with assertions, below build/: [PG_SOURCE=/path/to/postgresql] [PARTS='regress isolation']
	@tools/run-hard $(PARTS)

check-versions: ## the tests on the PostgreSQLs of other Debian releases, in roots below build/: [SUITES='trixie forky'] [PARTS='regress isolation'] [TESTS='NAME ...']
	@tools/run-versions $(PARTS)

report: ## what the gate did in your database, on the terminal and as one HTML file: DSN='host=... dbname=...' [OUT=report.html] [HOURS=24]
	@tools/run-report

reference: ## write the generated half of doc/reference.md
	@tools/run-check write-reference

bench: ## every comparison; build/bench/ has the report (Markdown, SVG) and its numbers (JSON): [ROUNDS=7] [SECONDS_EACH=1] [QUICK=1] [PASTE=FILE.md]
	@test/bench/run

bench-compare: ## what changed between two runs beyond their noise: OLD=FILE.json NEW=FILE.json [ALL=1]
	@test/bench/compare "$(OLD)" "$(NEW)"

bench-%: FORCE ## one comparison: a file test/bench/NAME.bench or NAME.py
	@test/bench/run $*

format: ## lay out the C sources as pgindent would
	@tools/setup lint && tools/format

lint: ## layers, layout, names, comments, SQL, settings, documents, cppcheck
	@tools/setup lint && tools/lint

sanitize: ## the regression tests under UBSan, then ASan
	@tools/run-sanitize

fuzz: ## every test/fuzz/*.c under libFuzzer, then random schemas, URLs and policies against others: [SECONDS_EACH=10] [FUZZ_CASES=100000] [URL_CASES=1000000] [POLICIES=300]
	@tools/run-fuzz

coverage: ## lines covered by the regression, isolation and pgTAP tests
	@tools/run-coverage
endif
