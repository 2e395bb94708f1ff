"""Small word lists: enough to tell what a corpus is like, no more."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = _words(
    """
    a about above after again against all am an and any are as at be because been before being below between both
    but by can could did do does doing down during each few for from further had has have having he her here hers
    herself him himself his how i if in into is it its itself just me more most my myself no nor not now of off on
    once only or other our ours ourselves out over own same she should so some such than that the their theirs them
    themselves then there these they this those through to too under until up very was we were what when where which
    while who whom why will with would you your yours yourself yourselves
    """
)

# the commonest words of a language that the others here do not share, without those of one or two letters that stand
# in English texts too ("how do I", "macOS", "x and y", "e.g.")
FUNCTION_WORDS = {
    "English": _words(
        "the of and to is that for with this are you was have from they which will be my how what not it"
    ),
    "German": _words("der und ist das nicht mit den ein eine für auf sich auch wird sind oder wir ich"),
    "French": _words("le les des est une dans pour qui pas sur avec ce sont nous vous être ou il elle"),
    "Spanish": _words("el los las que una por con para es como más pero sus este está son muy"),
    "Italian": _words("il che di gli della per sono con non più anche alla dei nel questo è delle"),
    "Portuguese": _words("uma não com mais dos das você são também pelo pela foi é sua minha"),
    "Dutch": _words("het een van dat niet zijn met voor ook aan naar wordt deze bij maar ik je en"),
}

# the first character of each range to the one after its last
SCRIPTS = {
    "Greek script": ((0x370, 0x400),),
    "Cyrillic script": ((0x400, 0x530),),
    "Hebrew script": ((0x590, 0x600),),
    "Arabic script": ((0x600, 0x700), (0x750, 0x780)),
    "Devanagari script": ((0x900, 0x980),),
    "Thai script": ((0xE00, 0xE80),),
    "Japanese": ((0x3040, 0x3100),),
    "Korean": ((0xAC00, 0xD7B0),),
    "Chinese characters": ((0x4E00, 0xA000),),
}

POSITIVE = _words(
    """
    amazing awesome beautiful best better brilliant charming clean clear confident convincing delight delighted
    delightful easy effective efficient enjoy enjoyable enjoyed excellent exciting fantastic fast favorite favourite
    fine fresh fun funny gain gains glad good gorgeous great happy helpful hilarious impressive improve improved
    incredible innovative inspiring interesting joy love loved lovely loves memorable nice outstanding perfect
    perfectly pleasant pleased pleasure positive powerful profit recommend recommended remarkable rewarding safe
    satisfied smart smooth solid strong stunning succeed success successful superb support terrific thank thanks
    thrilled touching win wins winner won wonderful worth
    """
)
NEGATIVE = _words(
    """
    abuse afraid angry annoying awful bad bland bore bored boring broken complain complaint confused confusing
    corrupt crash crashed crime crisis damage dead death declined defect denied depressing die died difficult
    disappointed disappointing disappointment disaster disgusting dreadful dull error errors expensive fail failed
    failing fails failure fake fear flawed fraud hate hated horrible hurt kill killed lack lame lose loss losses
    lost mediocre mess miserable missing mistake negative pain painful pathetic poor poorly predictable problem
    problems reject rejected ridiculous sad scam scare sick slow stolen stupid suffer terrible threat tired ugly
    unable unfortunately unhappy upset useless victim waste wasted weak worry worse worst wrong
    """
)
NEGATIONS = _words("not no never nothing hardly cannot don't doesn't didn't isn't wasn't won't can't")
