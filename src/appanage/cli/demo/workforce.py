"""The further people of the demonstration: made up, the same in every demonstration."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from appanage.directory.service import Profile
from appanage.kit.text import slug

# First and last names by where they are at home, so that they go together.
_NAMES = (
    ("Amina Chidi Ngozi Tunde Zainab Emeka", "Adeyemi Bello Eze Nwosu Okonkwo Balogun"),
    ("Aarav Ananya Dev Ishani Rohan Kavya", "Banerjee Desai Iyer Kapoor Menon Srinivasan"),
    ("Haruto Yui Sakura Ren Aiko Daichi", "Fujimoto Hayashi Kobayashi Matsuda Ono Tanaka"),
    ("Wei Jing Mei Hao Lan Xiu", "Chen Huang Lin Wu Zhang Zhou"),
    ("Minjun Seoyeon Jihoon Hana Dohyun Yuna", "Choi Han Jung Kang Park Yoon"),
    ("Linh Minh Thuy An Quang Mai", "Bui Dang Ho Le Nguyen Tran"),
    ("Omar Yasmin Karim Salma Tariq Noor", "Aziz Farouk Hassan Khalil Mansour Saleh"),
    ("Ayşe Emre Elif Deniz Kerem Selin", "Aydin Demir Kaya Özdemir Şahin Yildiz"),
    ("Camila Mateo Valentina Santiago Lucía Diego", "Castillo Fernández Gómez Morales Rojas Vargas"),
    ("Ana Bruno Beatriz Rafael Inês Thiago", "Almeida Carvalho Ferreira Oliveira Pereira Souza"),
    ("Chloé Hugo Camille Antoine Manon Théo", "Bernard Dubois Fournier Lefèvre Moreau Rousseau"),
    ("Anna Felix Greta Lukas Nora Emil", "Bauer Fischer Hoffmann Keller Richter Vogel"),
    ("Zofia Jakub Hanna Piotr Magda Marek", "Kozak Mazur Nowak Pawlak Wójcik Zając"),
    ("Astrid Erik Freja Lars Signe Nils", "Andersson Bergström Dahl Holm Nyström Sandberg"),
    ("Aoife Ciarán Niamh Rhys Catrin Fergus", "Byrne Doyle Gallagher Llewellyn MacLeod Murphy"),
    ("Grace Marcus Hannah Tyler Naomi Caleb", "Brooks Coleman Harper Jenkins Sullivan Whitfield"),
    ("Alana Kainoa Moana Sina Tane Leilani", "Fonoti Kahale Leota Ngata Parata Tuala"),
    ("Sarah David Miriam Eitan Rachel Noam", "Adler Cohen Feldman Katz Levy Stern"),
)

_TITLES = {
    "Customer Success": ("Customer Success Manager", "Onboarding Specialist", "Support Engineer"),
    "Engineering": ("Software Engineer", "Site Reliability Engineer", "Quality Engineer", "Data Engineer"),
    "Finance": ("Accountant", "Financial Analyst", "Payroll Specialist"),
    "Legal": ("Counsel", "Contracts Manager"),
    "Marketing": ("Brand Designer", "Content Strategist", "Product Marketing Manager"),
    "Operations": ("Facilities Coordinator", "Logistics Planner", "Purchasing Specialist"),
    "People": ("People Partner", "Recruiter", "Learning Coordinator"),
    "Sales": ("Account Executive", "Sales Engineer", "Partner Manager"),
}


@dataclass(frozen=True, slots=True)
class Office:
    """Where people work. `phone` makes numbers of a range that is reserved for fiction, from two digits."""

    street: str
    city: str
    region: str
    postal_code: str
    country: str
    time_zone: str
    phone: str

    def address(self) -> dict[str, str]:
        return {
            "type": "work",
            "streetAddress": self.street,
            "locality": self.city,
            "region": self.region,
            "postalCode": self.postal_code,
            "country": self.country,
        }


_OFFICES = (
    Office("410 Harbor Way", "Seattle", "WA", "98101", "US", "America/Los_Angeles", "+1 206 555 01{:02}"),
    Office("88 Wacker Place", "Chicago", "IL", "60601", "US", "America/Chicago", "+1 312 555 01{:02}"),
    Office("25 Front Street", "Toronto", "ON", "M5J 1E5", "CA", "America/Toronto", "+1 416 555 01{:02}"),
    Office("7 Foundry Lane", "London", "England", "EC2A 4NE", "GB", "Europe/London", "+44 20 7946 01{:02}"),
    Office("12 Mill Row", "Manchester", "England", "M1 2JW", "GB", "Europe/London", "+44 161 496 01{:02}"),
    Office("3 Quay Terrace", "Sydney", "NSW", "2000", "AU", "Australia/Sydney", "+61 2 5550 01{:02}"),
)


def profile_of(number: int, *, email: str, first: str, last: str, title: str, department: str) -> Profile:
    """A whole profile; the number, unique in the organization, decides on office and phone."""
    office = _OFFICES[number % len(_OFFICES)]
    return Profile(
        email=email,
        display_name=f"{first} {last}",
        first_name=first,
        last_name=last,
        nick_name=first,
        title=title,
        department=department,
        extension=str(4100 + number),
        time_zone=office.time_zone,
        phone_numbers=({"type": "work", "value": office.phone.format(number), "primary": True},),
        addresses=(office.address(),),
    )


def workforce(domain: str, size: int) -> Iterator[Profile]:
    """`size` people of the organization with this domain; the first of a department is its head."""
    chance = random.Random(domain)  # noqa: S311 – the same people each time is what is wanted
    led: set[str] = set()
    for number, (first, last) in enumerate(islice(_names(chance), size)):
        department = chance.choice(sorted(_TITLES))
        title = chance.choice(_TITLES[department]) if department in led else head_of(department)
        led.add(department)
        email = f"{slug(first)}.{slug(last)}@{domain}"
        yield profile_of(number, email=email, first=first, last=last, title=title, department=department)


def head_of(department: str) -> str:
    return f"Head of {department}"


def _names(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Names of all origins in turn, none twice."""
    pairs = [
        list(zip(_shuffled(chance, first), _shuffled(chance, last), strict=True)) for first, last in _NAMES
    ]
    chance.shuffle(pairs)
    return chain.from_iterable(zip(*pairs, strict=True))


def _shuffled(chance: random.Random, words: str) -> list[str]:
    return chance.sample(words.split(), len(words.split()))
