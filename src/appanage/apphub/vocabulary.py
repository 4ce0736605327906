"""The closed lists from which a listing is described: categories, industries, languages."""

from collections.abc import Mapping
from types import MappingProxyType

CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "administration": "Administration",
        "analytics": "Analytics and reporting",
        "bots": "Bots and assistants",
        "calendars": "Calendars and scheduling",
        "calling": "Calling",
        "compliance": "Compliance and archiving",
        "contact-center": "Contact centre",
        "customer-relations": "Customer relations",
        "developer-tools": "Developer tools",
        "devices": "Devices and rooms",
        "documents": "Documents and files",
        "events": "Events and webinars",
        "finance": "Finance",
        "human-resources": "Human resources",
        "learning": "Learning",
        "meetings": "Meetings",
        "messaging": "Messaging",
        "monitoring": "Monitoring",
        "productivity": "Productivity",
        "project-management": "Project management",
        "recordings": "Recordings and transcripts",
        "security": "Security",
        "social": "Social and fun",
        "support": "Support and ticketing",
        "workflow": "Workflow and automation",
        "other": "Other",
    }
)
"""What apps are for, by the slug that is stored and shown in addresses; the last takes what fits nowhere."""

INDUSTRIES: Mapping[str, str] = MappingProxyType(
    {
        "all": "All industries",
        "agriculture": "Agriculture",
        "banking": "Banking and insurance",
        "construction": "Construction",
        "consulting": "Consulting and law",
        "education": "Education",
        "energy": "Energy and water",
        "government": "Government",
        "healthcare": "Healthcare",
        "hospitality": "Hospitality and travel",
        "manufacturing": "Manufacturing",
        "media": "Media",
        "non-profit": "Non-profit",
        "pharmaceuticals": "Pharmaceuticals",
        "real-estate": "Real estate",
        "retail": "Retail",
        "software": "Software",
        "sports": "Sports and leisure",
        "telecommunications": "Telecommunications",
        "transport": "Transport and logistics",
    }
)

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "ar-SA": "Arabic",
        "bg-BG": "Bulgarian",
        "cs-CZ": "Czech",
        "da-DK": "Danish",
        "de-DE": "German",
        "el-GR": "Greek",
        "en-GB": "English (United Kingdom)",
        "en-US": "English (United States)",
        "es-CO": "Spanish (Latin America)",
        "es-ES": "Spanish (Spain)",
        "fi-FI": "Finnish",
        "fr-CA": "French (Canada)",
        "fr-FR": "French (France)",
        "he-IL": "Hebrew",
        "hr-HR": "Croatian",
        "hu-HU": "Hungarian",
        "id-ID": "Indonesian",
        "it-IT": "Italian",
        "ja-JP": "Japanese",
        "ko-KR": "Korean",
        "nb-NO": "Norwegian",
        "nl-NL": "Dutch",
        "pl-PL": "Polish",
        "pt-BR": "Portuguese (Brazil)",
        "pt-PT": "Portuguese (Portugal)",
        "ro-RO": "Romanian",
        "ru-RU": "Russian",
        "sk-SK": "Slovak",
        "sv-SE": "Swedish",
        "th-TH": "Thai",
        "tr-TR": "Turkish",
        "uk-UA": "Ukrainian",
        "vi-VN": "Vietnamese",
        "zh-CN": "Chinese (simplified)",
        "zh-TW": "Chinese (traditional)",
    }
)
"""Languages of an app as BCP 47 tags, such as the platform's `en-US`."""
