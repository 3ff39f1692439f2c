"""The page in Chinese: texts by their English words, the verdict's sentence, and the advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..record.metrics import METRICS, names
from ..units import format_count, format_size, format_time
from ..verdict.counting import CounterGate
from ..verdict.gates import entries
from ..verdict.gates.latency import LatencyGate
from ..verdict.gates.memory import MemoryGate, limit_of_metric
from ..verdict.outcome import Status, Tag, Verdict, VerdictName
from .chinese_sentences import in_chinese

_GATES: Final = {name: gate.label_zh for name, gate in entries().items()}
_VERDICTS_AND_OUTCOMES: Final = {
    "flat": "平稳",
    "leak": "泄漏",
    "degraded": "性能下降",
    "inconclusive": "无法判定",
    "server-failed": "服务器失败",
    "interrupted": "已中断",
    "drift": "漂移",
    "allowed": "已允许",
    "running": "运行中",
    "not-measured": "未测量",
}
_KINDS: Final = {
    "plateau": "先升后平",
    "step": "单次跃升",
    "filling": "填充中",
    "fragmentation": "内存碎片",
    "released-late": "延迟释放",
    "python": "Python 对象",
    "large-object": "大对象",
    "native": "原生内存",
    "child-process": "子进程",
    "not-yet-collected": "尚未回收",
    "unattributed": "来源不明",
    "sparse": "偶发",
    "accelerating": "加速增长",
    "unconfirmed": "未确认",
    "task": "任务",
    "object": "对象",
    "container": "容器",
    "thread": "线程",
    "descriptor": "文件描述符",
    "garbage": "循环垃圾",
    "cpu": "CPU",
}
_CHARTS: Final = {
    "counters": "计数（相对开始）",
    "peak": "每轮峰值",
    "idle": "空闲等待后",
    "limit": "上限",
    "talking": "对话时",
    "p5": "5 %",
    "p50": "中位数",
    "p95": "95 %",
    "max": "最大",
    "first text": "首段文字",
    "first audio": "首段语音",
    "entries": "条目",
    "sessions": "会话数",
    "as a table": "以表格显示",
    "{file} over the sessions of the run": "{file}：随会话数的变化",
}
_PAGE: Final = {
    "gate": "检查项",
    "outcome": "结果",
    "growth per session": "每次会话增长",
    "bounds": "区间",
    "first → last": "开始 → 结束",
    "why": "原因",
    "Findings": "发现",
    "Gates": "检查项",
    "How each gate was decided": "各检查项如何判定",
    "decided by {rule}": "由 {rule} 判定",
    "did not apply": "不适用",
    "The rules that did not apply": "不适用的规则",
    "verdict": "结论",
    "yes": "是",
    "no": "否",
    "Doubts": "疑点",
    "Course of the run": "运行过程",
    "Incidents": "事件",
    "Failed sessions": "失败的会话",
    "To repeat this run": "重复本次运行",
    "Target": "被测对象",
    "Environment": "环境",
    "Policy": "判定标准",
    "What this run could not see": "本次运行看不到的",
    "What each action leaves": "每个动作留下的",
    "to blame": "责任动作",
    "no action": "没有动作",
    "second": "时间（每秒）",
    "action": "动作",
    "metric": "指标",
    "each time": "每次",
    "What to do": "处理建议",
    "Cause": "原因",
    "Noticed": "注意",
    "Gates so far": "目前的检查项",
    "What it keeps alive, per session": "它使以下内容存活（每次会话）",
    "Growth since the warm-up, next to what the limit allows": "预热之后的增长，与上限对比",
    "Memory at rest": "静止时的内存",
    "Time of replies: 5 % to 95 % of them, and the median": "回复时间：5 % 至 95 % 的区间与中位数",
    "CPU, in percent of one core": "CPU（占一个核心的百分比）",
    "Counts, as growth since the start": "计数（相对开始的增长）",
    "Growth of memory per session: all of the interval is above the limit.": (
        "每次会话的内存增长：整个区间高于上限。"
    ),
    "Growth of memory per session: all of the interval is below the limit.": (
        "每次会话的内存增长：整个区间低于上限。"
    ),
    "reference graph": "引用图",
    "kept alive by": "引用链",
    "made in": "创建于",
    "module": "模块",
    "fingerprint": "指纹",
    "owner": "归属",
    "application": "应用",
    "dependency": "依赖库",
    "interpreter": "解释器",
    "leaks of less than {size} per session": "每次会话小于 {size} 的泄漏",
    "leaks in fewer than one session in ten, and in what the script does not do": (
        "不到十分之一的会话才出现的泄漏，以及脚本没有执行的操作"
    ),
    "what is inside the server: {reason}": "服务器内部：{reason}",
}
_MEANINGS: Final = {
    "It rose and then stayed level, as a cache or a warm-up does.": "先升后平，如缓存或预热。",
    "It rose in one step or a few, and not since.": "跃升了一次或几次，此后没有再升。",
    "Containers with a maximum size are filling.": "有上限的容器正在填充。",
    "Free memory of the heap grows, memory in use does not.": (
        "堆中的空闲内存增长，使用中的内存没有增长。"
    ),
    "It went while the run waited.": "在等待期间已释放。",
    "Python objects hold it.": "由 Python 对象占用。",
    "About one large object per session holds it.": "每次会话约有一个大对象占用。",
    "C code holds it, outside of Python objects.": "由 C 代码占用，不在 Python 对象中。",
    "Child processes hold it.": "由子进程占用。",
    "It waits for a garbage collection.": "等待垃圾回收。",
    "Without the probe it is not known what holds it.": "没有探针，不知道由什么占用。",
    "Only some sessions leak.": "只有部分会话泄漏。",
    "Each session leaks more than the one before.": "每次会话泄漏得比前一次多。",
    "The run was too short to confirm it.": "运行太短，不能确认。",
    "A task that never ends keeps all that it holds.": "永不结束的任务使它持有的一切存活。",
    "A process that the server started and never ended.": "服务器启动而从未结束的进程。",
    "A thread that never ends, or a pool of threads that nobody shut down.": (
        "永不结束的线程，或没有关闭的线程池。"
    ),
    "A file or a socket that is never closed.": "从未关闭的文件或套接字。",
    "Objects in reference cycles that are never collected.": "循环引用中从未回收的对象。",
    "A container that gets longer with each session.": "随每次会话变长的容器。",
    "Objects that stay after their session.": "会话结束后仍存活的对象。",
    "Memory that no Python object accounts for.": "没有 Python 对象与之对应的内存。",
    "Code that runs while no session is open.": "没有会话时仍在运行的代码。",
}
TEXTS: Final[Mapping[str, str]] = {
    **_MEANINGS,
    **_GATES,
    **_VERDICTS_AND_OUTCOMES,
    **_KINDS,
    **_CHARTS,
    **_PAGE,
}


def chinese_sentence(verdict: Verdict, sessions: int) -> str:
    """The verdict in one sentence; empty where there is none in Chinese."""
    sentence = _sentence(verdict, sessions)
    allowed = [_GATES.get(name, name) for name, gate in verdict.gates.items() if gate.allowed]
    return f"{sentence}；已允许：{'、'.join(allowed)}" if sentence and allowed else sentence


def _sentence(verdict: Verdict, sessions: int) -> str:
    memory = verdict.gates.get("memory")
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED:
            failing = Status.LEAK if verdict.name is VerdictName.LEAK else Status.DRIFT
            growths = [
                _growth(name, verdict)
                for name, gate in verdict.gates.items()
                if gate.outcome is failing and not gate.allowed
            ]
            return f"{'；'.join(growths)}（{sessions} 次会话之后）"
        case VerdictName.FLAT if isinstance(memory, MemoryGate) and _is_flat(memory):
            upper = max(0.0, memory.bounds[1] if memory.bounds else 0.0)
            growth = f"每次会话增长小于 {format_size(upper)}" if upper else "没有增长"
            return f"{sessions} 次会话中内存{growth}（上限 {format_size(memory.limit or 0)}）"
        case VerdictName.FLAT:
            return f"{sessions} 次会话中，参与判定的检查项都没有增长"
        case VerdictName.INCONCLUSIVE:
            gates = "、".join(_GATES.get(name, name) for name in verdict.open_gates)
            sentence = f"{sessions} 次会话之后仍未确定：{gates or '数据存疑'}"
            more = verdict.sessions_needed
            return f"{sentence}；大约还需要 {more} 次会话" if more else sentence
    return ""


def _is_flat(memory: MemoryGate) -> bool:
    return memory.outcome is Status.FLAT and memory.limit is not None


def _growth(name: str, verdict: Verdict) -> str:
    gate_name = _GATES.get(name, name)
    match verdict.gates[name]:
        case MemoryGate() as gate:
            size = format_size(gate.growth_per_session or 0)
            between = f"{' 至 '.join(map(format_size, gate.bounds))}；" if gate.bounds else ""
            limit = format_size(limit_of_metric(gate))
            metric = METRICS[gate.metric or names.RSS].label_zh
            unconfirmed = "，未确认" if Tag.UNCONFIRMED in gate.tags else ""
            return f"内存（{metric}）每次会话增长 {size}（{between}上限 {limit}{unconfirmed}）"
        case CounterGate() as gate:
            growth = format_count(gate.growth_per_session or 0)
            return f"{gate_name}每次会话增加 {growth}（上限 {gate.limit:g}）"
        case LatencyGate() as gate:
            first, last = format_time(gate.first_p50 or 0), format_time(gate.last_p50 or 0)
            return f"回复变慢：从 {first} 到 {last}"
        case gate:
            return f"{gate_name}：{in_chinese(gate.reason)[0]}"
