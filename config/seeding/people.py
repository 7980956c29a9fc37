"""The people of the demo: colleagues who can sign in, partners, and the clients, all of them invented."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from django.contrib.auth.hashers import make_password

from briefs.templates import save_template
from funnel.models import Campaign, Organisation, Service, Source, Team, User
from funnel.stages import Role
from partners.domain import save_partner
from partners.models import Partner

PASSWORD: Final = "demo-funnel"  # noqa: S105  meant to be known; printed with the sign-ins
DOMAIN: Final = "northwind-sensors.example"

COLLEAGUES: Final = (
    ("marketer", Role.MARKETER, "Marta Lindgren", "North"),
    ("first_touch", Role.FIRST_TOUCH, "Фёдор Тихонов", "North"),
    ("sales", Role.SALESPERSON, "Sofia Brandt", "North"),
    ("sales2", Role.SALESPERSON, "Семён Ветров", "South"),
    ("specialist", Role.SPECIALIST, "Ines Moreau", "South"),
    ("lawyer", Role.LAWYER, "Leon Adler", None),
    ("manager", Role.MANAGER, "Margarethe Voss", None),
    ("partner", Role.PARTNER, "Petra Holm", None),
)
SERVICES: Final = {"crm": "CRM", "erp": "ERP", "support": "Support"}
CAMPAIGNS: Final = {
    "search": ("ads", "Search advertising"),
    "spring-fair": ("event", "Spring fair"),
    "autumn-fair": ("event", "Autumn fair"),
    "webinars": ("webinar", "Webinar series"),
    "newsletter": ("mailing", "Newsletter"),
    "tenders": ("tender", "Tender watch"),
}
QUESTIONS: Final = {
    "crm": (
        ("need", "What should be better than today?", "long", True),
        ("users", "How many people will work with it?", "number", True),
        ("budget", "What may it cost?", "text", True),
        ("systems", "Which systems must it talk to?", "long", False),
    ),
    "erp": (
        ("need", "Which processes should it carry?", "long", True),
        ("sites", "How many sites?", "number", True),
        ("budget", "What may it cost?", "text", True),
        ("start_date", "When should it go live?", "date", False),
    ),
    "support": (
        ("need", "What has to be kept running?", "long", True),
        ("hours", "When must somebody answer?", "text", True),
        ("incidents", "How many incidents a month?", "number", False),
    ),
}
PARTNERS: Final = (
    ("baltic-works", "Baltic Works", ("crm", "erp")),
    ("harbour-it", "Harbour IT", ("support",)),
    ("ural-integration", "Урал Интеграция", ("crm", "erp", "support")),
)

# First and last names with what stands in an address; the last ones of the Russian names are given for him and her.
_WESTERN: Final = (
    (
        "Ada",
        "Ben",
        "Clara",
        "Dario",
        "Elin",
        "Felix",
        "Greta",
        "Hugo",
        "Iris",
        "Jonas",
        "Klara",
        "Luca",
        "Maren",
    ),
    (
        "Abel",
        "Bauer",
        "Castell",
        "Dahl",
        "Ekman",
        "Falk",
        "Grau",
        "Holt",
        "Iversen",
        "Jansen",
        "Keller",
        "Lund",
    ),
)
_RUSSIAN_FIRST: Final = (
    ("Анна", "anna", 1),
    ("Борис", "boris", 0),
    ("Вера", "vera", 1),
    ("Глеб", "gleb", 0),
    ("Дарья", "daria", 1),
    ("Егор", "egor", 0),
    ("Зоя", "zoya", 1),
    ("Илья", "ilya", 0),
    ("Кира", "kira", 1),
    ("Лев", "lev", 0),
)
_RUSSIAN_LAST: Final = (
    ("Авдеев", "avdeev"),
    ("Белов", "belov"),
    ("Вершинин", "vershinin"),
    ("Громов", "gromov"),
    ("Дроздов", "drozdov"),
    ("Ершов", "ershov"),
    ("Журавлёв", "zhuravlev"),
    ("Зимин", "zimin"),
)
_COMPANY_FIRST: Final = (
    ("Alder", "alder"),
    ("Beacon", "beacon"),
    ("Cobalt", "cobalt"),
    ("Delta", "delta"),
    ("Ember", "ember"),
    ("Fjord", "fjord"),
    ("Granit", "granit"),
    ("Helix", "helix"),
    ("Вектор", "vektor"),
    ("Каскад", "kaskad"),
    ("Маяк", "mayak"),
    ("Спектр", "spektr"),
)
_COMPANY_LAST: Final = (
    ("Logistics", "logistics"),
    ("Instruments", "instruments"),
    ("Foods", "foods"),
    ("Clinics", "clinics"),
    ("Energy", "energy"),
    ("Печать", "print"),
    ("Строй", "stroy"),
    ("Фарм", "pharm"),
    ("Museums", "museums"),
    ("Textil", "textil"),
)
_TOWNS: Final = (
    ("Aachen", "aachen"),
    ("Bergen", "bergen"),
    ("Gdansk", "gdansk"),
    ("Leiden", "leiden"),
    ("Malmö", "malmo"),
    ("Porto", "porto"),
    ("Tartu", "tartu"),
    ("Казань", "kazan"),
    ("Пермь", "perm"),
    ("Тверь", "tver"),
)


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who applies; the same one may come again."""

    name: str
    email: str
    phone: str
    company: str


@dataclass(slots=True)
class Cast:
    """Everybody and everything that stories refer to."""

    users: dict[str, User]
    services: dict[str, Service]
    sources: dict[str, Source]
    campaigns: dict[str, Campaign]
    organisation: Organisation
    clients: list[Client] = field(default_factory=list)
    demos: dict[tuple[str, int], list[datetime]] = field(default_factory=dict)
    """Username and hour since 1970 → the demos, an hour long, that begin then."""

    def is_free(self, people: Iterable[str], at: datetime) -> bool:
        """Tell whether none of these people has a demo in the hour from `at`."""
        hour, near = int(at.timestamp() // 3600), timedelta(hours=1)
        return not any(
            abs(start - at) < near
            for name in people
            for number in (hour - 1, hour, hour + 1)
            for start in self.demos.get((name, number), ())
        )

    def book(self, people: Iterable[str], at: datetime) -> None:
        """Remember a demo of these people."""
        for name in people:
            self.demos.setdefault((name, int(at.timestamp() // 3600)), []).append(at)


def gather(*, sign_in: bool = True) -> Cast:
    """Make the colleagues, the catalogue and the partners, or find them where they are.

    Colleagues who are not to `sign_in` get a password that nothing matches.
    """
    hashed = make_password(PASSWORD if sign_in else None)
    users = {}
    for username, role, name, team in COLLEAGUES:
        user = User.objects.filter(username=username).first() or User(
            username=username,
            role=role,
            name=name,
            email=f"{username.replace('_', '.')}@{DOMAIN}",
            password=hashed,
            team=Team.objects.get_or_create(name=team)[0] if team else None,
        )
        if user.pk is None:
            user.save()
        users[username] = user
    sources = {source.key: source for source in Source.objects.all()}
    services = {
        key: Service.objects.get_or_create(key=key, defaults={"label": label})[0]
        for key, label in SERVICES.items()
    }
    campaigns = {
        key: Campaign.objects.get_or_create(key=key, defaults={"label": label, "source": sources[source]})[0]
        for key, (source, label) in CAMPAIGNS.items()
    }
    for key, questions in QUESTIONS.items():
        rows = [
            {"key": name, "label": label, "kind": kind, "required": required}
            for name, label, kind, required in questions
        ]
        save_template(service=services[key], questions=rows)
    there = set(Partner.objects.values_list("key", flat=True))
    for number, (partner, name, able) in enumerate(PARTNERS):
        if partner not in there:
            save_partner(
                partner=Partner(key=partner, name=name),
                capabilities=[{"service": services[key], "region": "", "language": ""} for key in able],
                members=[users["partner"]] if number == 0 else [],
            )
    return Cast(users, services, sources, campaigns, Organisation.current())


def invent(rng: Random, number: int) -> Client:
    """Return a client who does not exist; `number` keeps addresses apart."""
    (first, first_slug), (last, last_slug) = rng.choice(_COMPANY_FIRST), rng.choice(_COMPANY_LAST)
    town, town_slug = rng.choice(_TOWNS)
    company = f"{first} {last} {town}"
    host = f"{first_slug}-{last_slug}-{town_slug}.example"
    if rng.random() < 0.4:
        name, slug, ending = rng.choice(_RUSSIAN_FIRST)
        family, family_slug = rng.choice(_RUSSIAN_LAST)
        person, address = f"{name} {family}{'а' * ending}", f"{slug}.{family_slug}{'a' * ending}"
    else:
        name, family = rng.choice(_WESTERN[0]), rng.choice(_WESTERN[1])
        person, address = f"{name} {family}", f"{name}.{family}".lower()
    phone = f"+442079460{number % 1000:03}" if rng.random() < 0.6 else ""  # kept free for fiction
    # Some write for themselves, without a company.
    return Client(person, f"{address}{number}@{host}", phone, company if rng.random() < 0.85 else "")


def sign_ins() -> list[str]:
    """Return a line for each colleague who can sign in."""
    return [f"  {username:<12} {Role(role).label}" for username, role, _name, _team in COLLEAGUES]
