# agentcore: PGXS build, tests, demo and benchmarks.  `make help` lists the targets.

EXTENSION  = agentcore
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" agentcore.control)
MODULE_big = agentcore

# A room a line, lowest first: a room includes the headers of those above it only.
ROOMS = core retry allow validate cache budget call

OBJS = src/agentcore.o $(patsubst %.c,%.o,$(sort $(foreach room,$(ROOMS),$(wildcard src/$(room)/*.c))))

SQL_PARTS = src/core/install_guard.sql \
	$(foreach room,$(ROOMS),src/$(room)/$(room).sql) \
	src/core/install_finish.sql
DATA_built = agentcore--$(EXTVERSION).sql
DATA       = $(wildcard sql/upgrade/agentcore--*--*.sql)
DOCS       = $(wildcard doc/*.md)

PG_CPPFLAGS = -I$(CURDIR)/src -DAGENTCORE_VERSION='"$(EXTVERSION)"' $(shell pkg-config --cflags libpcre2-8 libcrypto)
PG_CFLAGS   = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK  = $(shell pkg-config --libs libpcre2-8 libcrypto)

REGRESS      = $(patsubst sql/%.sql,%,$(wildcard sql/*.sql))
REGRESS_OPTS = --inputdir=. --load-extension=agentcore
ISOLATION    = $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=agentcore

EXTRA_CLEAN = agentcore--?*.sql build

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

agentcore--$(EXTVERSION).sql: $(SQL_PARTS)
	cat $^ > $@

$(OBJS): $(wildcard src/*/*.h) agentcore.control
