"""Languages: their codes, the words that OpenAI has for them in answers, and the codes that Gemini documents.

OpenAI takes ISO 639-1 codes (`de`) and answers with English words (`german`), those of Whisper. Gemini takes BCP 47
codes, and documents each with a region (`de-DE`).

Sources: the OpenAI API reference (`TranscriptionVerbose`), Whisper's list of languages, and Gemini's page on its
transcription model.
"""

from __future__ import annotations

_ROWS = """
    af afrikaans af-ZA
    am amharic am-ET
    ar arabic ar-EG
    as assamese as-IN
    az azerbaijani az-AZ
    be belarusian be-BY
    bg bulgarian bg-BG
    bn bengali bn-BD
    bs bosnian bs-BA
    ca catalan ca-ES
    cs czech cs-CZ
    da danish da-DK
    de german de-DE
    el greek el-GR
    en english en-US
    es spanish es-ES
    et estonian et-EE
    fa persian fa-IR
    fi finnish fi-FI
    fr french fr-FR
    gl galician gl-ES
    gu gujarati gu-IN
    ha hausa ha-NG
    he hebrew he-IL
    hi hindi hi-IN
    hr croatian hr-HR
    hu hungarian hu-HU
    hy armenian hy-AM
    id indonesian id-ID
    is icelandic is-IS
    it italian it-IT
    ja japanese ja-JP
    jv javanese jv-ID
    ka georgian ka-GE
    kk kazakh kk-KZ
    km khmer km-KH
    kn kannada kn-IN
    ko korean ko-KR
    ln lingala ln-CD
    lt lithuanian lt-LT
    lv latvian lv-LV
    mk macedonian mk-MK
    ml malayalam ml-IN
    mn mongolian mn-MN
    mr marathi mr-IN
    ms malay ms-MY
    mt maltese mt-MT
    my myanmar my-MM
    ne nepali ne-NP
    nl dutch nl-NL
    no norwegian nb-NO
    pa punjabi pa-IN
    pl polish pl-PL
    pt portuguese pt-BR
    ro romanian ro-RO
    ru russian ru-RU
    sd sindhi sd-Arab-IN
    sk slovak sk-SK
    sl slovenian sl-SI
    sr serbian sr-RS
    sv swedish sv-SE
    sw swahili sw-KE
    te telugu te-IN
    tg tajik tg-TJ
    th thai th-TH
    tl tagalog fil-PH
    tr turkish tr-TR
    uk ukrainian uk-UA
    uz uzbek uz-UZ
    vi vietnamese vi-VN
    yue cantonese yue-Hant-HK
    zh chinese cmn-Hans-CN
"""

_NAMES: dict[str, str] = {}
_GEMINI: dict[str, str] = {}
_CODES: dict[str, str] = {}
"""What stands for a language -> its code: Gemini's first subtag, and the English word."""
for _code, _word, _full in map(str.split, _ROWS.strip().splitlines()):
    _NAMES[_code], _GEMINI[_code] = _word, _full
    _CODES.setdefault(_full.partition("-")[0], _code)
    _CODES[_word] = _CODES[_code] = _code


def gemini_code(language: str) -> str:
    """The code that Gemini documents for what a client calls a language: a code or an English word.

    One that names a region, and one that is not known, stay as they are.
    """
    told = language.strip().replace("_", "-")
    code = _CODES.get(told.lower())
    return _GEMINI[code] if code else told


def word(language: str) -> str:
    """The English word for a code of any length, or for itself; what is not known stays as it is."""
    told = language.strip().lower().replace("_", "-")
    code = _CODES.get(told) or _CODES.get(told.partition("-")[0])
    return _NAMES[code] if code else language
