"""What the OpenAPI schema says beyond what it reads off the views."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from .auth import TokenAuthentication


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
