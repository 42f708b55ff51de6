"""English words whose forms no stemmer brings together: ``wrote`` is ``write``, ``men`` ``man``.

Left out are forms that are mostly another word: ``lay``, ``ground``, ``wound``, ``born``,
``led``, which manuals have for LED.
"""

from __future__ import annotations

from typing import Final

# A base form, then the others.
_VERBS: Final = """
    arise arose arisen/ awake awoke awoken/ beat beaten/ become became/ befall befell befallen/
    begin began begun/ bend bent/ bind bound/ bite bitten/ bleed bled/ blow blew blown/
    break broke broken/ breed bred/ bring brought/ build built/ burn burnt/ buy bought/
    catch caught/ choose chose chosen/ cling clung/ come came/ creep crept/ deal dealt/ dig dug/
    draw drew drawn/ dream dreamt/ drink drank drunk/ drive drove driven/ eat ate eaten/
    fall fell fallen/ feed fed/ feel felt/ fight fought/ find found/ flee fled/ fling flung/
    fly flew flown/ forbid forbade forbidden/ foresee foresaw foreseen/ forget forgot forgotten/
    forgive forgave forgiven/ foretell foretold/ freeze froze frozen/ get got gotten/
    give gave given/ go went gone goes/ grow grew grown/ hang hung/ hear heard/ hide hid hidden/
    hold held/ keep kept/ kneel knelt/ know knew known/ leap leapt/ learn learnt/
    leave left/ lend lent/ light lit/ lose lost/ make made/ mean meant/ meet met/
    mislead misled/ mistake mistook mistaken/ outgrow outgrew outgrown/ overcome overcame/
    overtake overtook overtaken/ overhear overheard/ oversee oversaw overseen/
    overthrow overthrew overthrown/ pay paid/ prove proven/ rebuild rebuilt/
    rewrite rewrote rewritten/ ride rode ridden/ ring rang rung/ rise rose risen/ run ran/
    say said/ see saw seen/ seek sought/ sell sold/ send sent/ sew sewn/ shake shook shaken/
    shine shone/ shoot shot/ show shown/ shrink shrank shrunk/ sing sang sung/ sink sank sunk/
    sit sat/ slay slew slain/ sleep slept/ slide slid/ speak spoke spoken/ spend spent/
    spin spun/ spring sprang sprung/ stand stood/ steal stole stolen/ stick stuck/ sting stung/
    stride strode/ strike struck/ strive strove striven/ swear swore sworn/ sweep swept/
    swell swollen/ swim swam swum/ swing swung/ take took taken/ teach taught/ tear tore torn/
    tell told/ think thought/ throw threw thrown/ tread trod trodden/
    undergo underwent undergone/ understand understood/ undertake undertook undertaken/
    undo undid undone/ uphold upheld/ wake woke woken/ wear wore worn/ weave wove woven/
    weep wept/ win won/ withdraw withdrew withdrawn/ withhold withheld/ withstand withstood/
    write wrote written
"""
_NOUNS: Final = """
    man men/ woman women/ child children/ foot feet/ tooth teeth/ mouse mice/ goose geese/
    ox oxen/ wife wives/ knife knives/ wolf wolves/ half halves/ shelf shelves/ thief thieves/
    loaf loaves/ calf calves/ bacterium bacteria/ nucleus nuclei/ fungus fungi/
    stimulus stimuli/ criterion criteria/ phenomenon phenomena/ index indices/ matrix matrices/
    vertex vertices/ axis axes/ radius radii/ focus foci/ locus loci
"""


def _base_forms() -> dict[str, str]:
    families = (family.split() for family in f"{_VERBS}/{_NOUNS}".split("/"))
    return {form: base for base, *forms in families for form in forms}


BASE_FORMS: Final = _base_forms()
