"""Holidays as the `holidays` package knows them: nobody signed them, so they only warn."""

from collections.abc import Collection
from datetime import date

from holidays import country_holidays


def known_holidays(country: str, subdivision: str, years: Collection[int]) -> dict[date, str]:
    """
    Return holidays and observed days by date.

    Args:
        country: ISO 3166-1, such as US.
        subdivision: ISO 3166-2 without its country, such as CA.
        years: Which years.
    """
    return dict(country_holidays(country, subdiv=subdivision, years=years))
