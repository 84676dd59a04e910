"""The commands, in the order in which ``--help`` lists them."""

from failatlas.cli.commands.analyze import analyze
from failatlas.cli.commands.assign import assign
from failatlas.cli.commands.benchmark import benchmark
from failatlas.cli.commands.cases import cases
from failatlas.cli.commands.demo import demo
from failatlas.cli.commands.doctor import doctor
from failatlas.cli.commands.explain import explain
from failatlas.cli.commands.parts import parts
from failatlas.cli.commands.report import report
from failatlas.cli.commands.verify import verify

COMMANDS = (demo, analyze, report, explain, assign, benchmark, doctor, verify, cases, parts)
