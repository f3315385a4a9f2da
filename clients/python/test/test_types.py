"""The package is typed: mypy --strict finds nothing, and a program that uses it wrongly is told so."""
import os
import shutil
import subprocess
import unittest

from support import SCRATCH

PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
MYPY = shutil.which("mypy", path="/usr/bin:" + os.environ["PATH"])


@unittest.skipUnless(MYPY, "mypy is not installed")
class Types(unittest.TestCase):
    def mypy(self, *arguments):
        return subprocess.run([MYPY, "--strict", "--cache-dir", os.path.join(SCRATCH, "mypy"), *arguments], cwd=PACKAGE, capture_output=True, text=True)

    def test_the_package(self):
        run = self.mypy()
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_a_program(self):
        program = os.path.join(SCRATCH, "program.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write("import agentcore\ngate = agentcore.Gate('')\nresult = gate.call('a', 't', {}, print)\n"
                       "text: str = result.content()\nwrong: int = result.content()\n")
        run = subprocess.run([MYPY, "--strict", "--cache-dir", os.path.join(SCRATCH, "mypy"), program], cwd=PACKAGE, capture_output=True, text=True,
                             env={**os.environ, "MYPYPATH": PACKAGE})
        self.assertEqual([line for line in run.stdout.splitlines() if ": error:" in line],
                         [f'{program}:5: error: Incompatible types in assignment (expression has type "str", variable has type "int")  [assignment]'])
