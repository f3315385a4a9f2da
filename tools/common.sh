# Shared by the scripts under test/: sourced by them, never run.
#
# Sets: top, PG_CONFIG, pg_major, bindir, work (a throw-away directory, with
# open_work).  A script that calls open_work leaves nothing behind, however it
# ends: every server that runs below $work is stopped, then $work is removed.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
loud() { printf '\n%s\n*** %s\n%s\n\n' "$stars" "$*" "$stars"; }
stars='******************************************************************************'

# A PostgreSQL to build and to run against: server, client and PGXS are there.
pg_complete() {
	local config=$1 bin
	bin=$("$config" --bindir 2>/dev/null) &&
		[ -f "$("$config" --pgxs)" ] && [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] &&
		[ -f "$("$config" --includedir-server)/postgres.h" ]
}

pg_major_of() { "$1" --version | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'; }

# The user's choice, else the one on the PATH, else the newest complete one.
find_pg_config() {
	local config
	if [ -n "${PG_CONFIG:-}" ] && [ "$PG_CONFIG" != pg_config ]; then
		command -v "$PG_CONFIG" || die "PG_CONFIG=$PG_CONFIG is not a program"
		return
	fi
	for config in "$(command -v pg_config || true)" /usr/lib/postgresql/{18,17,16,15}/bin/pg_config; do
		if [ -n "$config" ] && pg_complete "$config"; then echo "$config"; return; fi
	done
	return 1
}

# A python3 with psycopg 3: the one on the PATH may be another than Debian's.
find_python() {
	local python
	for python in ${PYTHON:-} python3 /usr/bin/python3; do
		if "$python" -c 'import psycopg' 2>/dev/null; then command -v "$python"; return; fi
	done
	return 1
}

# Installs what is missing and settles the toolchain.  WHAT: see tools/setup.
toolchain() {
	"$top/tools/setup" "$@"
	PG_CONFIG=$(find_pg_config) || die "no PostgreSQL 15 or later with its server headers found"
	export PG_CONFIG
	pg_major=$(pg_major_of "$PG_CONFIG")
	bindir=$("$PG_CONFIG" --bindir)
	pgxs_src=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/.." && pwd)
	export PATH="$bindir:$PATH"
	# a caller's connection settings must not reach the private cluster
	unset PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGSERVICE PGPASSWORD PGSSLMODE MAKEFLAGS MAKELEVEL MFLAGS
}

# PostgreSQL refuses to run as root: there its owner is the user postgres.
as_owner() {
	if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# Compilers, pythons and whatever else is started leave their files in $work too.
work=
open_work() {
	work=$(mktemp -d /tmp/agentcore.XXXXXX)
	chmod 755 "$work"
	mkdir -m 1777 "$work/tmp"
	export TMPDIR=$work/tmp
	watch 'the beginning'
	tick &
	ticker=$!
	trap close_work EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

# watch NAME: while it takes long, a line now and then says that it still runs,
# wherever the output of what runs goes.
ticker=
watch() { echo "$1" >"$work/running"; }
tick() {
	local seconds
	trap 'kill $!; exit' TERM
	while sleep 30 & wait $! && kill -0 $$ 2>/dev/null; do
		seconds=$(($(date +%s) - $(stat -c %Y "$work/running")))
		if [ "$seconds" -ge 30 ]; then say "...     $(cat "$work/running") has been running for $seconds s"; fi
	done
}

# What a server's log says of a crash.  A test may not have noticed: the server comes back.
crash_signs='^TRAP: |LOG:  .* terminated by signal|PANIC:  '
crashed() { grep -aE "$crash_signs" "$work/data/server.log"; }

close_work() {
	local status=$? pidfile
	trap '' INT TERM HUP PIPE
	trap - EXIT
	[ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
	if [ -n "$work" ]; then
		find "$work" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
			as_owner "$bindir/pg_ctl" -D "$(dirname "$pidfile")" -m immediate -w stop >/dev/null 2>&1 || true
		done
		rm -rf "$work"
	fi
	exit "$status"
}

# build_tree VARIANT [MAKE-ARGUMENT ...] builds a copy of the sources under
# build/, so that flags never mix, and installs it into $work/stage.  Objects
# stay there: the next run compiles what changed.  A caller may set stage to
# have it installed elsewhere.
build_tree() {
	local tree=$top/build/$1-$pg_major log=$top/build/$1-$pg_major.log name; shift
	mkdir -p "$tree"
	watch "building $tree"
	(
		flock 9
		tar -C "$top" --exclude=./build --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
			--exclude='./agentcore--*.sql' -cf - . | tar -C "$tree" -xf -
		(cd "$tree" && find src sql expected test tools upgrade examples clients -type f ! -name '*.o' ! -name '*.bc' ! -name '*.gcno' ! -name '*.gcda' 2>/dev/null) |
			while read -r name; do
				[ -e "$top/$name" ] || rm -f "$tree/$name" "$tree"/*.so
			done
		"${MAKE:-make}" -s -j"$(nproc)" -C "$tree" PG_CONFIG="$PG_CONFIG" "$@" all &&
			"${MAKE:-make}" -s -C "$tree" PG_CONFIG="$PG_CONFIG" "$@" install DESTDIR="${stage:-$work/stage}"
	) 9>"$tree.lock" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
	chmod -R a+rX "${stage:-$work/stage}"
}

# start_cluster [SETTING=VALUE ...]: one private cluster in $work, psql reaches it
start_cluster() {
	"$top/tools/cluster" start "$work" "$@"
	eval "$("$top/tools/cluster" env "$work")"
}
