"""What a user may do and see, signed in with a password or with a key that has some of the user's rights."""

from collections.abc import Collection
from enum import StrEnum

from msgspec import structs

from footfall.state import ApiKey, User


class KeyScope(StrEnum):
    """What a key is for: the calls that it may make. A password may make all that its user may."""

    SEND = "send"
    READ = "read"
    REPORT = "report"
    ADMIN = "admin"


class KeyedUser(User, frozen=True, kw_only=True):
    """A user who signed in with a key: the fields are the rights that both have.

    `admin` needs the scope; `sees_all` says that every customer may be seen. `is_narrowed` says that the key is for
    some customers or products only. `granted` are the rights of the user and the key from which these were made.
    """

    key: str
    scopes: tuple[str, ...]
    sees_all: bool
    is_narrowed: bool
    granted: tuple[object, ...]


def narrow(user: User, key: ApiKey) -> KeyedUser:
    """The user with the rights that the key has too."""
    whole = not (key.customers or key.products)
    reads = KeyScope.READ in key.scopes or KeyScope.ADMIN in key.scopes
    customers, products = user.customers, key.products or user.products
    if key.customers:
        customers = tuple(each for each in key.customers if user.admin or each in user.customers)
    if key.products and user.products:
        products = tuple(each for each in key.products if each in user.products)
        if not products:
            # No product is left, and none named would mean all: nothing is seen of any customer.
            customers, products = (), key.products
    fields = structs.asdict(user) | {
        "admin": user.admin and whole and KeyScope.ADMIN in key.scopes,
        "monitor": (user.monitor or user.admin) and whole and reads,
        "customers": customers,
        "products": products,
    }
    return KeyedUser(
        **fields,
        key=key.id,
        scopes=key.scopes,
        sees_all=user.admin and not key.customers,
        is_narrowed=not whole,
        granted=(*_rights_of(user), key.scopes, key.customers, key.products),
    )


def has_scope(user: User, scopes: Collection[str]) -> bool:
    """Whether the user may make a call for which a key must have one of these scopes."""
    return not isinstance(user, KeyedUser) or any(scope in user.scopes for scope in scopes)


def may_see(user: User, customer: str, product: str | None = None) -> bool:
    """Whether the user may see what belongs to the customer and, where one is named, to the product."""
    if product is not None and user.products and product not in user.products:
        return False
    return sees_all_customers(user) or customer in user.customers


def sees_all_customers(user: User) -> bool:
    return user.sees_all if isinstance(user, KeyedUser) else user.admin


def visible_products(user: User) -> tuple[str, ...]:
    """The products that the user may see; empty: all."""
    return user.products


def is_narrowed(user: User) -> bool:
    """Whether the user sees less than all products of their customers, or less than they would with a password."""
    return bool(user.products) or (isinstance(user, KeyedUser) and user.is_narrowed)


def rights_of(user: User) -> tuple[object, ...]:
    """What two signed-in users are compared by, to tell whether their rights have changed."""
    return user.granted if isinstance(user, KeyedUser) else _rights_of(user)


def _rights_of(user: User) -> tuple[object, ...]:
    return (user.admin, user.customers, user.products, user.security_stamp)
