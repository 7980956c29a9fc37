"""What the OpenAPI schema says beyond what it reads off the views."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.fields import ChoiceField

from .auth import TokenAuthentication


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class Schema(AutoSchema):
    """What an answer may hold: a choice that may be empty says so, also where it is only read."""

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        if isinstance(field, ChoiceField) and field.read_only and _may_be_empty(field):
            field.allow_blank = True
        return super()._map_serializer_field(field, direction, bypass_extensions)


def _may_be_empty(field: ChoiceField) -> bool:
    """Tell whether the column behind a field may be empty, which a field that is only read does not know."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    column = next((one for one in model._meta.fields if one.name == field.source), None) if model else None
    return column is not None and column.blank


ERRORS = {
    "400": "The input is not valid: `errors` names a field and a reason for each fault",
    "401": "No token, or one that opens nothing",
    "403": "The scope or the role does not allow it",
    "404": "There is no such thing, or not for the caller",
    "405": "The resource has no such method",
    "406": "Only JSON is answered",
    "409": "Refused: `reason` and `missing` say why",
    "413": "The request is too large",
    "415": "Only JSON is taken",
    "422": "The Idempotency-Key was used for another request",
    "429": "Too many requests: see Retry-After",
    "503": "The database is away, or there is no room to write: see Retry-After",
}
OF_BODIES = frozenset({"413", "415", "422"})
"""What only a request with a body is told."""
FIELDS = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "Only these fields, by commas",
    "schema": {"type": "string"},
}


def document_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Name the problem documents that every operation may answer with, and `fields` where JSON is read."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            for status, words in ERRORS.items():
                if method == "get" and status in OF_BODIES:
                    operation["responses"].pop(status, None)
                    continue
                answer = {"description": words, "content": {"application/problem+json": problem}}
                operation["responses"].setdefault(status, answer)
                said = operation["responses"][status]
                if "application/json" in said.get("content", {}):
                    said["content"] = {"application/problem+json": said["content"]["application/json"]}
            if method == "get" and "application/json" in operation["responses"].get("200", {}).get(
                "content", {}
            ):
                operation.setdefault("parameters", []).append(FIELDS)
    return result
