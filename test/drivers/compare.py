"""Holds what the drivers' programs found against the tables of doc/clients.md: compare.py GUIDE DIRECTORY UNBUILT [--write]

A row of a table is a check, a column a driver, a cell a finding, or two as "direct / pooled".  A driver of another
version than the table's is not judged.  UNBUILT is the number of programs that did not build, each a failure.
With --write the tables are printed as they were found, for the guide.
"""
import os
import re
import sys

MODES = ("direct", "pooled")


def cells(line):
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def expected(guide):
    """{(driver, mode, check): finding} and the tables' [drivers], [checks]."""
    table, groups, drivers = {}, [], None
    for line in guide:
        if re.match(r"\| check +\|", line):
            drivers = cells(line)[1:]
            groups.append((drivers, []))
        elif drivers and line.startswith("| `"):
            check, *findings = cells(line)
            groups[-1][1].append(check)
            for driver, finding in zip(drivers, findings):
                direct, _, pooled = finding.partition(" / ")
                table[driver, "direct", check] = direct
                if check != "version":
                    table[driver, "pooled", check] = pooled or direct
        elif not line.startswith("|"):
            drivers = None
    return table, groups


def found(directory):
    """{driver: {(mode, check): finding}}; the version is a direct finding."""
    findings = {}
    for driver in sorted(os.listdir(directory)):
        findings[driver] = {}
        with open(os.path.join(directory, driver), encoding="utf-8") as file:
            for line in file:
                mode, check, finding = line.rstrip("\n").split("\t", 2)
                findings[driver][mode, check] = finding
    return findings


def write(groups, findings):
    for drivers, checks in groups:
        print("| check |" + "".join(f" {driver} |" for driver in drivers))
        print("|---|" + "---|" * len(drivers))
        for check in checks:
            row = []
            for driver in drivers:
                both = [findings.get(driver, {}).get((mode, check), "?") for mode in MODES]
                row.append(" / ".join(dict.fromkeys(both)))
            print(f"| `{check}` |" + "".join(f" {cell} |" for cell in row))
        print()


def main():
    with open(sys.argv[1], encoding="utf-8") as guide:
        table, groups = expected(guide)
    findings = found(sys.argv[2])
    if "--write" in sys.argv:
        write(groups, findings)
    passed, failed = 0, int(sys.argv[3])
    for driver, by_check in findings.items():
        wanted = {(mode, check): finding for (name, mode, check), finding in table.items() if name == driver}
        if not f"{by_check.pop(('direct', 'version'), '')}.".startswith(f"{wanted.pop(('direct', 'version'), '')}."):
            other = [f"{mode} {check}: {finding}" for (mode, check), finding in by_check.items() if wanted.get((mode, check)) != finding]
            print(f"*** {driver} is not of the version that doc/clients.md tells of, and not judged; what differs: {'; '.join(other) or 'nothing'}")
            continue
        wrong = [key for key in sorted({*wanted, *by_check}) if wanted.get(key) != by_check.get(key)]
        passed += len(wanted) - len([key for key in wrong if key in wanted])
        failed += len(wrong)
        print(f"{'FAILED ' if wrong or not wanted else 'ok     '} drivers/{driver} ({len(wanted)})")
        for mode, check in wrong:
            print(f"        {mode} {check}: {by_check.get((mode, check))}; doc/clients.md says: {wanted.get((mode, check))}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
