"""The errors of the API, with AWS's codes and words."""

from __future__ import annotations


class ApiError(Exception):
    """A refused request.

    Args:
        code: AWS's error code, such as "ExecutionDoesNotExist".
        message: AWS's words.
        fields: further members of the error, such as `resourceName`.
    """

    def __init__(self, code: str, message: str, **fields: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.fields = fields


def invalid(message: str) -> ApiError:
    """Return a ValidationException."""
    return ApiError("ValidationException", message)


def no_machine(arn: str) -> ApiError:
    """Return what AWS says of an ARN that no state machine has."""
    return ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def no_execution(arn: str) -> ApiError:
    """Return what AWS says of an ARN that no execution has."""
    return ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def no_resource(arn: str) -> ApiError:
    """Return what AWS says of an ARN that no alias, version or tagged resource has."""
    return ApiError("ResourceNotFound", f"Resource not found: '{arn}'", resourceName=arn)
