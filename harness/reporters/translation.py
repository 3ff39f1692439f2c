"""The page in other languages: labels by their English words; what is not here stays English."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.units import format_size, format_time
from harness.verdict.counting import CounterGate
from harness.verdict.gates.latency import LatencyGate
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Status, Verdict, VerdictName

LANGUAGES: Final = ("en", "zh")

_ZH: Final = {
    "flat": "平稳",
    "leak": "泄漏",
    "degraded": "性能下降",
    "inconclusive": "无法判定",
    "server-failed": "服务器失败",
    "interrupted": "已中断",
    "drift": "漂移",
    "not-measured": "未测量",
    "memory": "内存",
    "objects": "对象",
    "tasks": "任务",
    "threads": "线程",
    "descriptors": "文件描述符",
    "children": "子进程",
    "containers": "容器",
    "latency": "回复延迟",
    "cpu": "CPU",
    "log": "日志",
    "files": "文件",
    "counters": "计数（相对开始）",
    "gc_objects": "对象",
    "malloc_in_use": "malloc 使用量",
    "rss": "RSS",
    "uss": "USS",
    "peak": "每轮峰值",
    "idle": "等待之后",
    "limit": "上限",
    "at rest": "静止时",
    "talking": "对话时",
    "first text": "首段文字",
    "first audio": "首段语音",
    "max": "最大",
    "gate": "检查项",
    "outcome": "结果",
    "growth per session": "每次会话增长",
    "bounds": "区间",
    "first → last": "开始 → 结束",
    "why": "原因",
    "Findings": "发现",
    "Gates": "检查项",
    "How each gate was decided": "各检查项如何判定",
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
    "What to do": "怎么办",
    "reference graph": "引用图",
    "kept alive by": "被谁保留",
    "made in": "创建于",
    "fingerprint": "指纹",
    "owner": "归属",
    "sessions": "会话数",
    "a session": "每次会话",
    "application": "应用",
    "dependency": "依赖库",
    "interpreter": "解释器",
    "warm-up": "预热",
    "as a table": "以表格显示",
    "The smallest leak that it would have found": "本可发现的最小泄漏",
    "growth": "增长",
}

Say = Callable[[str], str]


def say_in(language: str) -> Say:
    """Translate a label."""
    return (lambda text: _ZH.get(text, text)) if language == "zh" else (lambda text: text)


def sentence_in(language: str, verdict: Verdict, sessions: int, english: str) -> str:
    """The verdict in one sentence."""
    if language != "zh":
        return english
    failing = [
        name for name, gate in verdict.gates.items() if gate.outcome in (Status.LEAK, Status.DRIFT)
    ]
    memory = verdict.gates.get("memory")
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED:
            return (
                "；".join(_zh_growth(name, verdict) for name in failing)
                + f"（{sessions} 次会话之后）"
            )
        case VerdictName.FLAT if isinstance(memory, MemoryGate) and memory.limit is not None:
            upper = max(0.0, memory.bounds[1] if memory.bounds else 0.0)
            much = f"每次会话增长小于 {format_size(upper)}" if upper else "没有增长"
            return f"{sessions} 次会话中内存{much}（上限 {format_size(memory.limit)}）"
        case VerdictName.INCONCLUSIVE:
            gates = "、".join(_ZH.get(name, name) for name in verdict.open_gates)
            more = (
                f"；大约还需要 {verdict.sessions_needed} 次会话" if verdict.sessions_needed else ""
            )
            return f"{sessions} 次会话之后仍未确定：{gates or '数据存疑'}{more}"
    return english


def _zh_growth(name: str, verdict: Verdict) -> str:
    what = _ZH.get(name, name)
    match verdict.gates[name]:
        case MemoryGate() as gate:
            size, limit = format_size(gate.growth_per_session or 0), format_size(gate.limit or 0)
            return f"内存每次会话增长 {size}（上限 {limit}）"
        case CounterGate() as gate:
            return f"{what}每次会话增加 {gate.growth_per_session or 0:.2g}"
        case LatencyGate() as gate:
            first, last = format_time(gate.first_p50 or 0), format_time(gate.last_p50 or 0)
            return f"回复变慢：从 {first} 到 {last}"
        case gate:
            return f"{what}：{gate.reason}"
