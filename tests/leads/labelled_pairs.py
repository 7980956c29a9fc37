"""Pairs of people and whether they are one: written for the measurement, all invented.

Each line is `name | e-mail | phone | company` of the one, `=>`, and of the other; a blank says that it is not known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    email: str
    phone: str
    company: str


@dataclass(frozen=True, slots=True)
class Labelled:
    kind: str
    one: Record
    other: Record
    same: bool


# People as they are on record. Ten ways of writing them again make pairs of the same; the people themselves, and those
# who only look alike, make pairs of different ones.
PEOPLE = """
Иван Петров | petrov@avangard-spb.example | +78125550101 | Авангард | Ivan Petrov | Iwan Petrow | Avangard
Юлия Щербакова | scherbakova@sever.example | +74951234501 | Север-Логистика | Yuliya Shcherbakova | Julia Scherbakowa | Sever-Logistika
Алексей Соловьёв | a.solovev@polyus.example | +74951234502 | Полюс | Alexey Solovyov | Aleksei Soloviev | Polyus
Наталья Чайковская | natalya@muzyka.example | +78125550103 | Музыка и Свет | Natalia Chaikovskaya | Nataliya Tchaikovskaya | Muzyka i Svet
Дмитрий Жуков | zhukov@stalmash.example | +73432220104 | Стальмаш | Dmitry Zhukov | Dmitrij Schukow | Stalmash
Евгений Николаев | evgeny@kvadrat.example | +74951234505 | Квадрат | Evgeny Nikolaev | Jewgenij Nikolajew | Kvadrat
Пётр Фёдоров | p.fedorov@zenit-plus.example | +78125550106 | Зенит Плюс | Petr Fedorov | Pyotr Fyodorov | Zenit Plus
Ксения Цветаева | tsvetaeva@literra.example | +74951234507 | Литерра | Ksenia Tsvetaeva | Xenia Tsvetayeva | Literra
Андрей Хрусталёв | andrey@kristall.example | +78312220108 | Кристалл | Andrey Khrustalev | Andrei Khrustalyov | Kristall
Алёна Семёнова | semenova@rodnik.example | +78432220109 | Родник | Alyona Semyonova | Alena Semenova | Rodnik
Михаил Воробьёв | m.vorobev@gorizont.example | +74951234510 | Горизонт | Mikhail Vorobyov | Mikhail Vorobiev | Gorizont
Сергей Королёв | korolev@orbita-nn.example | +78312220111 | Орбита | Sergey Korolev | Sergei Korolyov | Orbita
Jürgen Groß | gross@messtechnik.example | +49301234512 | Meßtechnik Nord | Juergen Gross | Jurgen Gross | Messtechnik Nord
Björn Schröder | schroeder@hafenbau.example | +49401234513 | Hafenbau | Bjoern Schroeder | Бьёрн Шрёдер | Хафенбау
Käthe Müller | mueller@backwerk.example | +49891234514 | Backwerk Süd | Kaethe Mueller | Kathe Muller | Backwerk Sud
Álvaro Núñez | nunez@azulejos.example | +34911234515 | Azulejos | Alvaro Nunez | Alváro Nuñez | Azuléjos
Ştefan İnce | ince@denizyolu.example | +902121234516 | Denizyolu | Stefan Ince | Ştefan Ince | Deniz Yolu
Łukasz Dąbrowski | dabrowski@stalpol.example | +48221234517 | Stalpol | Lukasz Dabrowski | Лукаш Домбровский | Сталпол
François Lefèvre | lefevre@lumiere.example | +33142345518 | Lumière | Francois Lefevre | Françoi Lefevre | Lumiere
Søren Kjærgaard | kjaergaard@nordvind.example | +4533123519 | Nordvind | Soren Kjaergaard | Søren Kjaergård | Nordvind
Zoltán Horváth | horvath@tisza.example | +3612345520 | Tisza | Zoltan Horvath | Zoltán Horvat | Tisza
Mira Vogt | vogt@vogt-mess.example | +49892345621 | Vogt Messtechnik | Мира Фогт | Mira Voght | Vogt Meßtechnik
Olivia Hartmann | hartmann@hartmann-bau.example | +49692345622 | Hartmann Bau | Оливия Хартманн | Olivia Hartman | Hartman Bau
Pavel Dvořák | dvorak@vltava.example | +420224123623 | Vltava | Pavel Dvorak | Павел Дворжак | Влтава
"""

# Two people who only look alike: each line both of them.
DIFFERENT = """
Иван Петров | i.petrov@volga.example | +78442220131 | Волга => Иван Петров | petrov@altai.example | +73852220132 | Алтай
Ivan Petrov | ivan@stroytrest.example | +74951234533 | Stroytrest => Иван Петров | petrov.iv@morport.example | +78622220134 | Морпорт
Анна Смирнова | anna@vesna.example | +74951234535 | Весна => Анна Смирнова | smirnova@osen.example | +78122220136 | Осень
Мария Иванова | maria@beta.example | +74951234537 | Бета => Марина Иванова | marina@beta.example | +74951234538 | Бета
Александр Петров | a.petrov@sigma.example | +74951234539 | Сигма => Александра Петрова | a.petrova@sigma.example | +74951234540 | Сигма
Александр Орлов | orlov@family.example | +79161234541 |  => Александра Орлова |  | +79161234541 |
Jan Schmidt | jan@schmidt-bau.example | +49301234542 | Schmidt Bau => Jana Schmidt | jana@schmidt-bau.example | +49301234543 | Schmidt Bau
Thomas Müller | thomas@mueller-holz.example | +49711234544 | Müller Holz => Thomas Müller | t.mueller@elbe-metall.example | +49351234545 | Elbe Metall
Anna Schmidt | anna@rotstift.example | +49301234546 | Rotstift => Anne Schmidt | anne@blaupause.example | +49301234547 | Blaupause
Peter Weber | peter@weber-druck.example | +49221234548 | Weber Druck => Petra Weber | petra@weber-druck.example | +49221234548 | Weber Druck
Olga Front | info@alpha-sensors.example | +49891234549 | Alpha Sensors => Ivan Back | info@alpha-sensors.example | +49891234549 | Alpha Sensors
Karl Neumann | office@nordstern.example |  | Nordstern => Lena Albrecht | office@nordstern.example |  | Nordstern
Виктор Зайцев | sales@uralopt.example | +73432220150 | Уралопт => Олег Белов | sales@uralopt.example | +73432220150 | Уралопт
Даниил Морозов | d.morozov@ice.example | +74951234551 | Лёд => Данила Морозов | danila@snow.example | +74951234552 | Снег
Сергей Волков | volkov@les.example | +74951234553 | Лес => Сергей Волков | serg@reka.example | +74951234554 | Река
Мария Кузнецова | kuznetsova@gost.example | +74951234555 | Гость => Maria Kuznetsova | maria@inn.example | +74951234556 | Inn
Markus Bauer | bauer@bauer-it.example | +49301234557 | Bauer IT => Markus Baur | baur@baur-gmbh.example | +49891234558 | Baur
Helga Lang | helga@lang.example | +49301234559 | Lang => Helmut Lang | helmut@lang.example | +49301234559 | Lang
John Smith | john@oak.example | +442079461560 | Oak => John Smith | smith@elm.example | +442079461561 | Elm
Joan Smith | joan@oak.example | +442079461562 | Oak => John Smith | john@oak.example | +442079461563 | Oak
Ольга Лебедева | olga@lebed.example | +74951234564 | Лебедь => Ольга Лебедева | lebedeva@sokol.example | +78122220165 | Сокол
Валерий Сидоров | sidorov1@post.example | +79161234566 |  => Валерия Сидорова | sidorov2@post.example | +79161234567 |
Николай Гусев | gusev@kran.example | +74951234568 | Кран => Никита Гусев | gusev.n@kran.example | +74951234568 | Кран
Lucas Martin | lucas@rouge.example | +33142345569 | Rouge => Lucie Martin | lucie@rouge.example | +33142345569 | Rouge
"""


def _record(text: str) -> Record:
    return Record(*(part.strip() for part in (text + " ").split("|")))


def _swapped(text: str, at: int) -> str:
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _again(line: str) -> Iterator[tuple[str, Record, Record]]:
    """Yield a person and the same one written again in ten ways."""
    name, email, phone, company, other, third, firm = (part.strip() for part in line.split("|"))
    given, _space, family = name.partition(" ")
    local, _at, domain = email.partition("@")
    one = Record(name, email, phone, company)
    yield "the other script, same company", one, Record(other, "", "", firm)
    yield "the other script, same phone", one, Record(third, f"{local}@private.example", phone, "")
    yield "the family name first, same e-mail", one, Record(f"{family}, {given}", email, "", "")
    yield "two letters swapped, same phone", one, Record(f"{given} {_swapped(family, 2)}", "", phone, "")
    yield "two letters swapped, same company", one, Record(f"{given} {_swapped(family, 2)}", "", "", company)
    yield "a letter lost, same e-mail", one, Record(f"{given} {family[:-2]}{family[-1]}", email, "", firm)
    yield "an e-mail mistyped", one, Record(name, f"{local}@{_swapped(domain, 2)}", "", company)
    yield "a middle name, same phone", one, Record(f"{given} K. {family}", "", phone, company)
    yield "no name, same phone", one, Record("", "", phone, firm)
    yield (
        "a shared mailbox of the same person",
        Record(name, f"info@{domain}", "", company),
        Record(other, f"info@{domain}", phone, ""),
    )


def labelled() -> list[Labelled]:
    """Return all pairs: the same, those who only look alike, colleagues of one switchboard, and strangers."""
    lines = PEOPLE.strip().splitlines()
    pairs = [Labelled(kind, one, other, True) for line in lines for kind, one, other in _again(line)]
    for line in DIFFERENT.strip().splitlines():
        one, other = (_record(text) for text in line.split("=>"))
        pairs.append(Labelled("who only look alike", one, other, False))
    everybody = [next(_again(line))[1] for line in lines]
    for number, (one, other) in enumerate(itertools.pairwise(everybody)):
        phone = f"+4930444{number:04}"
        firm = Record(other.name, f"x{number}@{one.email.partition('@')[2]}", phone, one.company)
        pairs.append(
            Labelled(
                "colleagues with one phone", Record(one.name, one.email, phone, one.company), firm, False
            )
        )
        box = f"office@{one.email.partition('@')[2]}"
        pairs.append(
            Labelled(
                "a shared mailbox",
                Record(one.name, box, "", one.company),
                Record(other.name, box, "", one.company),
                False,
            )
        )
        namesake = Record(
            one.name, f"x{number}@elsewhere{number}.example", f"+4930555{number:04}", f"Elsewhere {number}"
        )
        pairs.append(Labelled("the same name at another company", one, namesake, False))
    return pairs
