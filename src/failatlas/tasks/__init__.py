"""Tasks: what is an error, how severe it is, and how unsure the network was."""

from failatlas.tasks.classes import ClassOrder, class_order
from failatlas.tasks.classification import Classification
from failatlas.tasks.costs import Costs, read_cost_matrix
from failatlas.tasks.landmarks import Landmarks
from failatlas.tasks.regression import Regression
from failatlas.tasks.stored import from_json
from failatlas.tasks.task import Task, Verdict

__all__ = [
    "ClassOrder",
    "Classification",
    "Costs",
    "Landmarks",
    "Regression",
    "Task",
    "Verdict",
    "class_order",
    "from_json",
    "read_cost_matrix",
]
