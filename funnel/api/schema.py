"""What the OpenAPI schema says beyond what it reads off the views."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from .auth import TokenAuthentication


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


ERRORS = {
    "400": "The input is not valid: `errors` names a field and a reason for each fault",
    "401": "No token, or one that opens nothing",
    "403": "The scope or the role does not allow it",
    "404": "There is no such thing, or not for the caller",
    "405": "The resource has no such method",
    "406": "Only JSON is answered",
    "409": "Refused: `reason` and `missing` say why",
    "415": "Only JSON is taken",
    "422": "The Idempotency-Key was used for another request",
    "429": "Too many requests: see Retry-After",
}


def document_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Name the problem documents that every operation may answer with, where it says nothing itself."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, words in ERRORS.items():
                answer = {"description": words, "content": {"application/problem+json": problem}}
                operation["responses"].setdefault(status, answer)
                said = operation["responses"][status]
                if "application/json" in said.get("content", {}):
                    said["content"] = {"application/problem+json": said["content"]["application/json"]}
    return result
