#!/usr/bin/python3
"""The Grafana dashboard against the types that Grafana publishes (@grafana/schema): its compiler judges every member, also one too many.
No package of Debian or npm has a Grafana to load it into."""
import json
import os
import subprocess
import tempfile

from lib.tests import TOP, done, loud, ok

MODULES = f"{TOP}/build/monitoring/node_modules"
RAW = f"{MODULES}/@grafana/schema/dist/types/raw"
# an enum is a plain value in JSON
TYPES = f"""import type {{ Dashboard, Panel, RowPanel }} from '{RAW}/dashboard/x/types.gen';
import type {{ Options as bargauge }} from '{RAW}/composable/bargauge/panelcfg/x/types.gen';
import type {{ Options as stat }} from '{RAW}/composable/stat/panelcfg/x/types.gen';
import type {{ Options as table }} from '{RAW}/composable/table/panelcfg/x/types.gen';
import type {{ Options as timeseries, FieldConfig as TimeSeriesField }} from '{RAW}/composable/timeseries/panelcfg/x/types.gen';
type Plain<T> = T extends string ? `${{T}}` : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? {{ [K in keyof T]: Plain<T[K]> }} : T;
"""


def program(board):
    """The dashboard as constants of its types."""
    rest = {name: value for name, value in board.items() if name != "panels"}
    lines = [TYPES, f"export const dashboard: Plain<Omit<Dashboard, 'panels'>> = {json.dumps(rest)};"]
    for n, panel in enumerate(board["panels"]):
        if panel["type"] == "row":
            lines.append(f"export const row{n}: Plain<RowPanel> = {json.dumps(panel)};")
            continue
        lines.append(f"export const panel{n}: Plain<Panel> = {json.dumps(panel)};")
        lines.append(f"export const options{n}: Plain<Partial<{panel['type']}>> = {json.dumps(panel['options'])};")
        if panel["type"] == "timeseries":
            lines.append(f"export const field{n}: Plain<TimeSeriesField> = {json.dumps(panel['fieldConfig']['defaults']['custom'])};")
    return "\n".join(lines) + "\n"


def compiled(board):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "dashboard.ts")
        with open(path, "w", encoding="utf-8") as file:
            file.write(program(board))
        run = subprocess.run([f"{MODULES}/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "bundler", "--module", "esnext", path],
                             capture_output=True, text=True, timeout=600)
        return run.stdout + run.stderr if run.returncode else ""


def layout(panels):
    """Panels that overlap or leave the grid of 24 columns."""
    taken, wrong = {}, []
    for panel in panels:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if x >= 24 or (x, y) in taken:
                    wrong.append(f"{panel['title']} and {taken.get((x, y), 'the edge')}")
                taken[x, y] = panel["title"]
    return sorted(set(wrong))


def main():
    with open(f"{TOP}/monitoring/grafana/agentcore.json", encoding="utf-8") as file:
        board = json.load(file)
    ok(not layout(board["panels"]), "no panels overlap", layout(board["panels"]))
    ids = [panel["id"] for panel in board["panels"]]
    ok(len(ids) == len(set(ids)), "every panel has an id of its own", ids)
    ok(all(panel.get("description") for panel in board["panels"] if panel["type"] != "row"), "every panel says what it shows")
    if not os.path.exists(f"{MODULES}/.bin/tsc"):
        loud("THE DASHBOARD WAS NOT JUDGED BY GRAFANA'S SCHEMA: it could not be installed from npm")
        done()
    ok(not compiled(board), "the dashboard is of Grafana's types", compiled(board))
    ok(compiled({**board, "panell": []}), "a member too many is found")
    ok(compiled({**board, "panels": [{**board["panels"][0], "gridPos": {"h": "4"}}]}), "a wrong type is found")
    done()


if __name__ == "__main__":
    main()
