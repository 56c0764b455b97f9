"""What is wrong with a node, and how to mend it: looked at from the node's machine, whether the service runs or not.

A look changes nothing: no file is made, no table brought to this version, no engine started. Each check of the table in
`examination` yields what it found; one that fails itself tells so, and the others go on. Faults keep events, reports or
a start from going well; warnings may do so later.
"""

from footfall.doctor.examination import examine_node
from footfall.doctor.results import CheckResult, NodeToCheck, Severity

__all__ = [
    "CheckResult",
    "NodeToCheck",
    "Severity",
    "examine_node",
]
