"""The page in Chinese: texts by their English words, the verdict's sentence, and the advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..units import format_size, format_time
from ..verdict.counting import CounterGate
from ..verdict.gates import entries
from ..verdict.gates.latency import LatencyGate
from ..verdict.gates.memory import MemoryGate
from ..verdict.outcome import Status, Verdict, VerdictName

_GATES: Final = {name: gate.label_zh for name, gate in entries().items()}
_VERDICTS_AND_OUTCOMES: Final = {
    "flat": "平稳",
    "leak": "泄漏",
    "degraded": "性能下降",
    "inconclusive": "无法判定",
    "server-failed": "服务器失败",
    "interrupted": "已中断",
    "drift": "漂移",
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
}
_CHARTS: Final = {
    "counters": "计数（相对开始）",
    "peak": "每轮峰值",
    "idle": "空闲等待后",
    "limit": "上限",
    "talking": "对话时",
    "p50": "p50",
    "p95": "p95",
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
TEXTS: Final[Mapping[str, str]] = {
    **_GATES,
    **_VERDICTS_AND_OUTCOMES,
    **_KINDS,
    **_CHARTS,
    **_PAGE,
}


def chinese_sentence(verdict: Verdict, sessions: int) -> str:
    """The verdict in one sentence; empty where there is none in Chinese."""
    memory = verdict.gates.get("memory")
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED:
            growths = [
                _growth(name, verdict)
                for name, gate in verdict.gates.items()
                if gate.outcome in (Status.LEAK, Status.DRIFT)
            ]
            return f"{'；'.join(growths)}（{sessions} 次会话之后）"
        case VerdictName.FLAT if isinstance(memory, MemoryGate) and memory.limit is not None:
            upper = max(0.0, memory.bounds[1] if memory.bounds else 0.0)
            growth = f"每次会话增长小于 {format_size(upper)}" if upper else "没有增长"
            return f"{sessions} 次会话中内存{growth}（上限 {format_size(memory.limit)}）"
        case VerdictName.INCONCLUSIVE:
            gates = "、".join(_GATES.get(name, name) for name in verdict.open_gates)
            sentence = f"{sessions} 次会话之后仍未确定：{gates or '数据存疑'}"
            more = verdict.sessions_needed
            return f"{sentence}；大约还需要 {more} 次会话" if more else sentence
    return ""


def _growth(name: str, verdict: Verdict) -> str:
    gate_name = _GATES.get(name, name)
    match verdict.gates[name]:
        case MemoryGate() as gate:
            size, limit = format_size(gate.growth_per_session or 0), format_size(gate.limit or 0)
            return f"内存每次会话增长 {size}（上限 {limit}）"
        case CounterGate() as gate:
            return f"{gate_name}每次会话增加 {gate.growth_per_session or 0:.2g}"
        case LatencyGate() as gate:
            first, last = format_time(gate.first_p50 or 0), format_time(gate.last_p50 or 0)
            return f"回复变慢：从 {first} 到 {last}"
        case gate:
            return f"{gate_name}：{gate.reason}"


def chinese_advice(verdict: Verdict) -> str:
    """What to do next; empty where there is nothing to do."""
    worst = verdict.findings[0] if verdict.findings else None
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED if worst is not None:
            thing = f"{TEXTS.get(worst.kind, worst.kind)} {worst.type}"
            if worst.created_at:
                return f"打开 {worst.created_at}：{thing} 在那里创建，之后没有释放。"
            return f"检查 {thing}。"
        case VerdictName.LEAK:
            return verdict.unexplained or (
                "启用探针，并且不加 --no-explain，再运行一次，查看是什么在堆积。"
            )
        case VerdictName.INCONCLUSIVE if verdict.sessions_needed:
            return f"再运行大约 {verdict.sessions_needed} 次会话，例如使用 --max-cycles。"
    return ""
