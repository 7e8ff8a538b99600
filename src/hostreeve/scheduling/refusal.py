"""Why an expression is refused."""


class InvalidExpression(ValueError):
    """`field` names the part of the schedule that is wrong, `problem` says in words what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem
