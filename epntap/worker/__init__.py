"""The process that does what stands in line.

A `Worker` takes `epntap.queue.Work`, runs the `Task` of that name, and sees to it that whatever
becomes of itself, of others and of the database, the work ends: done, or given up with a reason.
"""

from epntap.worker.registry import all_tasks
from epntap.worker.task import Reconciling, Task, TaskRetry, WorkContext
from epntap.worker.worker import Worker

__all__ = ["Reconciling", "Task", "TaskRetry", "WorkContext", "Worker", "all_tasks"]
