"""The loop of a user, in a program that is run: at most twelve lines."""
import os
import shutil
import subprocess
import sys

import scene
from scene import BUILT, HERE, SECONDS, of_each_language

LONGEST = 12


class Loop:
    def test_it_is_short_and_whole(self):
        name = "loop.py" if self.language == "python" else "loop.mjs"
        path = os.path.join(HERE, "../example", name)
        if self.language == "node":         # packages are found from where a program stands
            path = shutil.copy(path, BUILT)
        with open(path, encoding="utf-8") as file:
            lines = [line.strip(" \n/#") for line in file]
        loop = [line for line in lines[lines.index("the loop") + 1:lines.index("its end")] if line]
        self.assertTrue(any("gate.many(" in line for line in loop))
        self.assertLessEqual(len(loop), LONGEST)
        self.assertLessEqual(max(map(len, loop)), 140)
        self.script({"calls": [("p", "pay", {"amount": 1})]}, {"text": "It is paid."})
        ended = subprocess.run([sys.executable if self.language == "python" else "node", path, scene.world.url, self.message["text"]], capture_output=True, text=True,
                               env={**os.environ, "AGENT": self.name}, timeout=SECONDS)
        self.assertEqual((ended.stdout, ended.returncode), ("It is paid.\n", 0), ended.stderr)
        self.assertEqual((self.done("pay"), self.states("pay"), self.done("fake")), (1, ["committed"], 2))


globals().update(of_each_language(Loop))
