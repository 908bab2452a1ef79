"""Tell mypy that ``request.user`` is an account.

Every page but those marked public is reached signed in: LoginRequiredMiddleware sees to it, which types cannot tell.
"""

from collections.abc import Callable

from mypy.nodes import TypeInfo
from mypy.plugin import AttributeContext, Plugin
from mypy.types import Instance, Type
from mypy_django_plugin.lib import helpers


def account(context: AttributeContext) -> Type:
    found = helpers.lookup_fully_qualified_typeinfo(
        helpers.get_typechecker_api(context), "dongliang.people.models.Account"
    )
    return Instance(found, []) if isinstance(found, TypeInfo) else context.default_attr_type


class SignedIn(Plugin):
    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        return account if fullname == "django.http.request.HttpRequest.user" else None


def plugin(_version: str) -> type[Plugin]:
    return SignedIn
