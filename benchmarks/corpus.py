"""Made-up documents and questions, the same for the same seed, in English and in Chinese.

Sentences are put together from word lists about the upkeep of laboratory and office
equipment: enough different words and sentence lengths for tokenizers, stemmers and both
indexes to have ordinary work, though no one would read it for pleasure.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

Language = Literal["en", "zh"]


def _listed(text: str) -> list[str]:
    return [" ".join(item.split()) for item in text.split(",")]


_EN_NAMES = _listed("Aster, Borealis, Calder, Dorado, Ember, Fathom, Gantry, Halcyon, Juniper")
_EN_PARTS = _listed("""compressor, gasket, relay, spindle, nozzle, manifold, sensor, bearing,
    coupling, filter, thermostat, valve, regulator, cartridge, printer, centrifuge, heater,
    pipette, freezer, scanner, battery, conveyor, turbine, gearbox, humidifier, keyboard,
    monitor, projector, router, switchboard, transformer, ventilator, workstation, barometer,
    calorimeter, densitometer""")
_EN_STATES = _listed("""overheats, vibrates, leaks, stalls, drifts, hesitates, corrodes, restarts,
    shuts down, loses pressure, reports an error, stays idle, draws too much current,
    fails its self-test, goes out of alignment""")
_EN_ACTS = _listed("""clean, replace, inspect, recalibrate, lubricate, tighten, disconnect,
    photograph, weigh, label, drain, reassemble, document, measure, sterilise, register""")
_EN_WHO = _listed("""the technician, a trained operator, the duty manager, the supplier,
    the safety officer, an authorised workshop, the night shift, the purchasing department""")
_EN_WHEN = _listed("""within two working days, before the next shift, every six months,
    after the first hundred hours, whenever the warning light stays on, without delay,
    at the end of each quarter, as soon as spare parts have arrived, by the following Monday""")
_EN_WHY = _listed("""because dust shortens its service life, so that the warranty remains valid,
    since an earlier audit found deviations, although the manufacturer allows a longer interval,
    unless the laboratory has agreed to something else in writing,
    which has prevented three accidents in the past decade""")

_ZH_NAMES = _listed("青松, 白鹭, 长风, 明川, 海棠, 北辰, 云杉, 金穗, 星河, 玉兰")
_ZH_PARTS = _listed("""压缩机, 密封圈, 继电器, 主轴, 喷嘴, 传感器, 轴承, 联轴器, 滤芯, 恒温器,
    阀门, 调节器, 打印机, 离心机, 培养箱, 移液器, 冷冻柜, 扫描仪, 蓄电池, 传送带, 涡轮, 齿轮箱,
    加热器, 加湿器, 逆变器, 显示器, 投影仪, 路由器, 配电盘, 变压器, 通风机, 气压计, 量热计""")
_ZH_STATES = _listed("""温度过高, 持续震动, 漏油, 突然停机, 读数漂移, 反应迟缓, 表面锈蚀,
    反复重启, 断开连接, 压力不足, 报告错误, 电流过大, 无法通过自检""")
_ZH_ACTS = _listed("""清洁, 更换, 检查, 重新校准, 润滑, 拧紧, 断开, 拍照, 称重, 贴标, 排空,
    重新装配, 记录, 测量, 消毒, 登记""")
_ZH_WHO = _listed("""技术员, 经过培训的操作人员, 值班经理, 供应商, 安全负责人, 授权维修站,
    夜班人员, 采购部门""")
_ZH_WHEN = _listed("""在两个工作日之内, 在下一班次开始之前, 每隔六个月, 运行满一百小时之后,
    警示灯持续亮起时, 每个季度末, 备件到货以后, 最迟在下周一之前""")
_ZH_WHY = _listed("""因为灰尘会缩短使用寿命, 这样才能保持保修资格, 因为上次审核发现了偏差,
    尽管制造商允许更长的间隔, 除非实验室另有书面约定, 这项规定在过去十年里避免了三起事故""")


def _english_sentence(rng: random.Random) -> str:
    device = f"{rng.choice(_EN_NAMES)} {rng.randint(100, 999)}"
    part, other = rng.sample(_EN_PARTS, 2)
    who, when, why = rng.choice(_EN_WHO), rng.choice(_EN_WHEN), rng.choice(_EN_WHY)
    act, state = rng.choice(_EN_ACTS), rng.choice(_EN_STATES)
    return rng.choice(
        (
            f"If the {part} of the {device} {state}, {who} must {act} the {other} {when}.",
            f"{who.capitalize()} may {act} the {part} {when}, {why}.",
            f"The {device} ships with one {part} and {rng.randint(2, 12)} spare {other}s.",
            f"One {part} that {state} costs {rng.randint(20, 900)} euros to repair, {why}.",
            f"Do not {act} the {other} while the {part} is running.",
        )
    )


def _chinese_sentence(rng: random.Random) -> str:
    device = f"{rng.choice(_ZH_NAMES)}{rng.randint(100, 999)}型"
    part, other = rng.sample(_ZH_PARTS, 2)
    who, when, why = rng.choice(_ZH_WHO), rng.choice(_ZH_WHEN), rng.choice(_ZH_WHY)
    act, state = rng.choice(_ZH_ACTS), rng.choice(_ZH_STATES)
    return rng.choice(
        (
            f"如果{device}的{part}{state}，{who}必须{when}{act}{other}。",
            f"{when}，{who}可以{act}{part}，{why}。",
            f"{device}出厂时配有一个{part}和{rng.randint(2, 12)}个备用{other}。",
            f"{state}的{part}维修费用为{rng.randint(20, 900)}元，{why}。",
            f"{part}运转时，请勿{act}{other}。",
        )
    )


_SENTENCE = {"en": _english_sentence, "zh": _chinese_sentence}


def document(rng: random.Random, language: Language, characters: int) -> str:
    """A title and paragraphs, a little more than ``characters`` characters long."""
    sentence, space = _SENTENCE[language], " " if language == "en" else ""
    paragraphs = [_title(rng, language)]
    size = 0
    while size < characters:
        paragraph = space.join(sentence(rng) for _ in range(rng.randint(2, 7)))
        paragraphs.append(paragraph)
        size += len(paragraph)
    return "\n\n".join(paragraphs) + "\n"


def _title(rng: random.Random, language: Language) -> str:
    number = rng.randint(100, 999)
    if language == "en":
        return f"{rng.choice(_EN_NAMES)} {number} {rng.choice(_EN_PARTS)} maintenance"
    return f"{rng.choice(_ZH_NAMES)}{number}型{rng.choice(_ZH_PARTS)}维护说明"


def write_corpus(
    folder: Path, language: Language, characters: int, *, per_document: int = 4000, seed: int = 0
) -> None:
    """UTF-8 text files with about ``characters`` characters in all."""
    rng = random.Random(f"{language}{seed}")
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(max(1, round(characters / per_document))):
        text = document(rng, language, per_document)
        (folder / f"{language}-{number:05}.txt").write_text(text, encoding="utf-8")


def questions(language: Language, count: int, *, seed: int = 1) -> list[str]:
    """Questions about parts that the documents speak of."""
    rng = random.Random(f"{language}{seed}")
    return [_question(rng, language) for _ in range(count)]


def _question(rng: random.Random, language: Language) -> str:
    number = rng.randint(100, 999)
    if language == "en":
        part, other = rng.sample(_EN_PARTS, 2)
        device = f"{rng.choice(_EN_NAMES)} {number}"
        return f"Who must {rng.choice(_EN_ACTS)} the {other} if the {part} of the {device} fails?"
    part, other = rng.sample(_ZH_PARTS, 2)
    device = f"{rng.choice(_ZH_NAMES)}{number}型"
    return f"{device}的{part}{rng.choice(_ZH_STATES)}时由谁{rng.choice(_ZH_ACTS)}{other}？"
