"""The rules of the decision in Chinese: each sentence by the rule's id, each number by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_VERDICT: Final = {
    "verdict.stood": "用户停止运行时结论已定，只是还在查找原因：结论不变。",
    "verdict.interrupted": "用户停止了运行：已中断。",
    "verdict.met-a-bound": "某个计数随每次会话上升，随后会话失败：泄漏，并说明碰到了什么限制。",
    "verdict.server-failed": "服务器失败，运行因此结束：服务器失败。",
    "verdict.mostly-failed": "一半以上的会话失败：服务器失败。",
    "verdict.leak": "有检查项泄漏：泄漏。",
    "verdict.drift": "有检查项漂移：性能下降。",
    "verdict.no-memory": "没有测量内存，没有看过的不能算平稳：无法判定。",
    "verdict.open": "有检查项未定：无法判定。",
    "verdict.doubted": "有理由不信任这次运行：无法判定。",
    "verdict.flat": "没有检查项泄漏、漂移或未定，也没有疑点：平稳。",
}
_METRIC: Final = {
    "metric.released-by-wait": (
        "达到最少会话数之后，连续两次检查看到增长；此后的一次等待使剩余增长不超过每次会话的上限：延迟释放。"
    ),
    "metric.level-though-declared": (
        "达到最少会话数之后，连续两次检查看到增长；但在 64 次或更多会话中，"
        "此后的等待与前一次等待相比，剩余增长不超过每次会话的上限：延迟释放。"
    ),
    "metric.leak-after-wait": (
        "达到最少会话数之后，连续两次检查看到增长；此后的一次等待之后，剩余增长仍超过每次会话的上限：泄漏。"
    ),
    "metric.wait-due": (
        "达到最少会话数之后，连续两次检查看到增长；最多 3 次的等待中，此后还没有一次：先等待。"
    ),
    "metric.grows-anew": (
        "达到最少会话数之后，连续两次检查看到增长；但 3 次等待中的最后一次消去了同类增长：未定。"
    ),
    "metric.leak": "达到最少会话数之后，连续两次检查看到增长，且没有什么可等待：泄漏。",
    "metric.flat": "跨 36 次或更多会话的两次检查排除了超过上限的增长：平稳。",
    "metric.level-after-waits": (
        "在 64 次或更多会话中，最近一次等待与前一次等待相比，"
        "剩余增长不超过每次会话的上限：延迟释放。"
    ),
    "metric.fell-after-wait": (
        "增长已久，足以判为泄漏，但最近一次等待使它降到上限以内：延迟释放。"
    ),
    "metric.too-early": "最近一次检查看到增长，但前一次没有看到，或尚未达到最少会话数：未定。",
    "metric.too-few-sessions": "尾段少于 18 次会话：未定。",
    "metric.one-flat-look": "一次检查排除了超过上限的增长，还需第二次检查确认：未定。",
    "metric.open": "超过上限的增长既不能证实，也不能排除：未定。",
}
_MEMORY: Final = {
    "memory.not-measured": "没有样本含有 USS 或 RSS：未测量。",
    "memory.guard-within-sessions": (
        "内存保护结束了服务器：每个已连接的会话都使它增长了一份内存预算：泄漏，未确认。"
    ),
    "memory.guard-stopped": "内存保护因其他原因结束了运行：未定。",
    "memory.malloc-grows": "malloc 使用量每次会话的增长超过上限的一半：泄漏，但先等待。",
    "memory.outside-grows-unseen": (
        "USS 或 RSS 的增长超过上限，而 malloc 无法读取：泄漏，但先等待。"
    ),
    "memory.small-objects-grow": (
        "USS 或 RSS 增长，且不超过 512 字节的内存块的增长足以占其一半：泄漏，但先等待。"
    ),
    "memory.reuse-explains-growth": (
        "USS 或 RSS 曾增长，但在 64 次或更多会话中保持不变，"
        "这些会话填满了等待后空出的内存：延迟释放。"
    ),
    "memory.reuse-is-open": (
        "USS 或 RSS 在延迟释放之后没有下降，且不到 64 次会话显示它是否被再次使用：未定。"
    ),
    "memory.native-grows": (
        "USS 或 RSS 增长，Python 和 malloc 使用的内存没有增长，"
        "堆中的空闲内存不到增长的一半：泄漏，但先等待。"
    ),
    "memory.free-after-release": (
        "RSS 的增长至少有一半是堆中的空闲内存，且一次等待消去了 malloc 使用量的增长：延迟释放。"
    ),
    "memory.fragmentation-fails": (
        "RSS 的增长至少有一半是堆中的空闲内存，"
        "且 `--fail-on fragmentation` 要求判为失败：泄漏，但先等待。"
    ),
    "memory.fragmentation": "RSS 的增长至少有一半是堆中的空闲内存：平稳，内存碎片。",
    "memory.released-late": (
        "malloc 使用量、USS 和 RSS 都平稳，且一次等待消去了其中一个的增长：延迟释放。"
    ),
    "memory.flat": (
        "malloc 使用量、USS 和 RSS 都平稳。RSS 包含 USS，所以 RSS 平稳时 USS 可以未定。"
    ),
    "memory.heap-comes-and-goes": (
        "保护期之后，malloc 使用量平稳，小对象不增长，USS 和 RSS 的上升不超过上限，"
        "且扣除堆中的空闲内存后，两次检查都排除了这样的增长：平稳。"
    ),
    "memory.thread-caches": (
        "带线程的服务器中 malloc 使用量增长，而 Python 的各项都不增长。"
        "第 20 次会话以来的增长不超过 malloc 为所有线程保留的缓存。"
        "增长在变慢或不均匀，或每个线程的会话不足 10 次：未定。"
    ),
    "memory.held-free": (
        "一次等待消去了 malloc 使用量的增长，"
        "且两次等待之间 RSS 的增长至少有一半是堆中的空闲内存：延迟释放。"
    ),
    "memory.reuse-explains-open": (
        "未定的指标在 64 次或更多会话中保持不变，这些会话填满了等待后空出的内存：延迟释放。"
    ),
    "memory.pages-come-and-go": (
        "达到最少会话数之后，malloc 使用量平稳，小对象没有增长。除一两次下降之外，"
        "两次检查排除了 USS 和 RSS 超过上限的增长，且从第一次下降到最后一次下降之间没有增长：平稳。"
    ),
    "memory.blocks-settle": (
        "USS 和 RSS 的增长超过上限，但读数太粗，不能确定；"
        "能解释其一半的小对象确定在增长：泄漏，但先等待。"
    ),
    "memory.budget-elsewhere": "运行超出内存预算，但所报告的指标增长得更少：未定。",
    "memory.budget-within-limit": "运行超出内存预算，但每次会话的增长不超过上限：未定。",
    "memory.budget-unsteady": (
        "运行超出内存预算，但最近三次上升中有一次低于平均值的 0.3 倍，"
        "或某一次上升超过总量的 60 %：未定。"
    ),
    "memory.early-released": "提前停止的运行持续增长，而一次等待消去了增长：延迟释放。",
    "memory.early-wait-due": "提前停止的运行持续增长，且还没有等待过：先等待。",
    "memory.early-leak": (
        "提前停止的运行持续增长，增长达到内存预算；"
        "轮数固定时，达到服务器最初所占内存的一半：泄漏，未确认。"
    ),
    "memory.early-anew": "运行超出内存预算，但 3 次等待中的最后一次消去了同类增长：未定。",
    "memory.in-use-is-open": ("USS 或 RSS 增长，而 malloc 使用量或小对象是否增长尚不确定：未定。"),
    "memory.open": "malloc 使用量、USS 或 RSS 未定：未定。",
    "memory.filling": "减去有上限的容器所占内存的 1.5 倍，增长低于上限：平稳，填充中。",
    "memory.unsure": "减去代码可能会缩短的容器所占内存的 1.5 倍，增长低于上限：未定。",
    "memory.flat-and-filling": "内存平稳，其增长大部分在有上限而未满的容器中：平稳，填充中。",
    "memory.not-yet-collected": (
        "在不做回收的运行中，泄漏的内容在结束时的一次回收中消失：泄漏，尚未回收。"
    ),
    "memory.stands": "没有什么能推翻或解释前面的规则所定的结果：维持不变。",
}
_COUNTS: Final = {
    "counter.not-measured": "没有样本含有这个计数：未测量。",
    "counter.met-a-bound": (
        "在 20 次或更多会话中，计数每次上升一个或更多；此后会话失败，最近 3 次都失败：泄漏。"
    ),
    "counter.filling": "减去有上限的容器所占对象的 1.5 倍，增长低于上限：平稳，填充中。",
    "counter.unsure": "减去代码可能会缩短的容器中对象的 1.5 倍，增长低于上限：未定。",
    "counter.swept": (
        "达到最少会话数之后，除了有上限的容器填满又清空所造成的下降之外，"
        "超过上限的增长已被排除：平稳，填充中。"
    ),
    "counter.saw-tooth": (
        "运行已结束，达到最少会话数，也等待过。除一两次下降之外，两次检查排除了超过上限的增长，"
        "且从第一次下降到最后一次下降之间没有增长：平稳。"
    ),
    "counter.counted": "计数的结果以它自己的规则为准。",
    "counter.ended-by-collection": (
        "在不强制回收的运行中，等待之后剩下 5 个或更多，"
        "随后的一次回收结束了 5 个或更多：泄漏，尚未回收。"
    ),
    "counter.collection-due": "在不强制回收的运行中，结束时剩下 5 个或更多：先等待，再回收。",
    "tasks.orphans-survived": (
        "最近的会话中至少十分之九各留下一个未完成的任务，"
        "且经过整个宽限时间的等待，它们全都还在：泄漏。"
    ),
    "tasks.orphans-for-good": (
        "最近的会话中至少十分之九各留下一个未完成的任务，且没有什么能结束它们：泄漏。"
    ),
    "tasks.orphans-wait-due": (
        "最近的会话中至少十分之九各留下一个未完成的任务，且还没有等待过：先等待。"
    ),
    "containers.not-measured": "普查少于 4 次：未测量。",
    "containers.flat": ("没有一个无上限的容器在每次普查中每次会话都增加 0.08 个或更多条目：平稳。"),
    "containers.met-a-bound": (
        "在 20 次或更多会话中，应用的一个容器每次得到一个或更多条目；"
        "此后会话失败，最近 3 次都失败：泄漏。"
    ),
    "containers.likely": (
        "一次会话需要 3 秒或更久。在 40 次会话中，应用的一个容器每次得到的条目数完全相同，"
        "且没有代码或时间使条目减少：泄漏，很可能。"
    ),
    "containers.too-early": (
        "一个容器在每次普查中都增长。达到最少会话数之前，这可能是仍在填充的缓存：未定。"
    ),
    "containers.trimmed": "一个容器在每次普查中都增长，但它自己的代码可能会缩短它：未定。",
    "containers.leak": (
        "达到最少会话数之后，一个无上限的容器在每次普查中都增长，且不再有等待：泄漏。"
    ),
    "containers.wait-due": "达到最少会话数之后，一个无上限的容器在每次普查中都增长：先等待。",
    "files.not-watched": "没有监视文件夹：未测量。",
    "files.bytes-grow": "文件的字节数每次会话增长超过 4 KiB，而文件数没有增长：泄漏。",
    "files.number": "文件的结果以文件数为准。",
}
_SPEED: Final = {
    "latency.not-measured": "没有会话得到回复：未测量。",
    "latency.too-few-sessions": "得到回复的会话少于 6 次：未定。",
    "latency.fell-back": "回复像漂移那样变慢，但最后六分之一只剩下一半或更少的上升：未定。",
    "latency.crowded": (
        "回复像漂移那样变慢，但其他程序占用了机器的 20 %，"
        "且服务器的 CPU 在静止时和每次会话中都没有增长：未定。"
    ),
    "latency.drift": (
        "回复时间上升（Kendall，p < 0.0014）到 1.8 倍或更多，"
        "上升 50 ms 或更多，且不是一次跃升：漂移。"
    ),
    "latency.flat": "在 20 次或更多会话中，以 99 % 的把握排除了增长到两倍：平稳。",
    "latency.below-floor": (
        "在 20 次或更多会话中，以 99 % 的把握排除了 50 ms 的上升，所以不可能是漂移：平稳。"
    ),
    "latency.step": ("一次跃升比一条直线更符合回复时间：其后有 20 次会话时为平稳，在此之前未定。"),
    "latency.open": "增长到两倍既不能证实，也不能排除：未定。",
    "cpu.not-measured": "没有读取 CPU 时间：未测量。",
    "cpu.back-at-rest": ("CPU 漂移，但最近一次等待之后，与最初相差不到一个核心的 0.001 %：平稳。"),
    "cpu.rest-drift": (
        "静止时的 CPU 占用上升（Kendall，p < 0.0014）一个核心的 0.5 % 或更多，"
        "每次会话上升超过 0.002 %：漂移。"
    ),
    "cpu.jump-fell": (
        "静止时的 CPU 占用跃升了一个核心的 10 % 或更多，此后的一次等待使它回落：平稳。"
    ),
    "cpu.jump-stays": (
        "静止时的 CPU 占用跃升了一个核心的 10 % 或更多，此后的每次读数（3 次或更多）都高，"
        "能等待时等待之后也高：漂移。"
    ),
    "cpu.jump-wait-due": (
        "静止时的 CPU 占用跃升了一个核心的 10 % 或更多，此后的每次读数（3 次或更多）都高：先等待。"
    ),
    "cpu.talking-drift": (
        "对话时的 CPU 占用上升（Kendall，p < 0.0014），每次会话超过初值的 2 %：漂移。"
    ),
    "cpu.session-drift": (
        "每次会话的 CPU 时间（减去静止时的占用）上升（Kendall，p < 0.0014）到 1.8 倍或更多，"
        "上升 10 ms 或更多，不是一次跃升，也不是一时上升：漂移。"
        "其他程序占用机器的 20 % 时，需要 3 倍。"
    ),
    "cpu.no-rest": ("没有读取静止时的 CPU 占用：对话时的 CPU 占用平稳则为平稳，否则为未测量。"),
    "cpu.rest-open": "静止时的上升既不能证实，也不能排除：未定。",
    "cpu.rest-step": ("一次跃升比一条直线更符合静止时的 CPU 占用，且其后 20 次会话平稳：平稳。"),
    "cpu.rest-flat": (
        "在 20 次或更多会话中，以 99 % 的把握排除了静止时超过一个核心 1 % 的上升：平稳。"
    ),
    "log.not-measured": "没有读取日志：未测量。",
    "log.missing-lines": ("3 次或更多会话缺少应有的日志行，且超过会话数的五十分之一：漂移。"),
    "log.forbidden-lines": ("不应有的日志行出现 3 次或更多，且超过会话数的五十分之一：漂移。"),
    "log.early-lines": ("3 行或更多（且超过会话数的五十分之一）出现在本应在其之前的行之前：漂移。"),
    "log.flat": "日志的内容符合要求：平稳。",
}
RULES: Final[Mapping[str, str]] = {**_VERDICT, **_METRIC, **_MEMORY, **_COUNTS, **_SPEED}
NUMBERS: Final[Mapping[str, str]] = {
    "between_falls_per_session": "两次下降之间每次会话的增长",
    "bound_of_two_looks": "两次检查的上界",
    "budget_bytes": "内存预算",
    "censuses": "普查次数",
    "doubt_count": "疑点数",
    "drifting_gates": "漂移的检查项数",
    "early_lines": "过早的日志行数",
    "early_threshold_bytes": "提前判定的阈值",
    "ended_by_collection": "回收所结束的数量",
    "entries_per_session": "每次会话的条目数",
    "failed_sessions": "失败的会话数",
    "falls": "下降次数",
    "fell_after_wait": "等待后下降",
    "fell_back": "已回落",
    "filling_bytes_per_session": "填充每次会话所占",
    "filling_per_session": "填充每次会话的数量",
    "floor_s": "最小上升",
    "forbidden_lines": "不应有的日志行数",
    "full_objects": "容器填满时的对象数",
    "grace_s": "宽限时间",
    "growth_bytes": "增长",
    "growth_bytes_per_session": "每次会话增长",
    "growth_factor": "增长倍数",
    "growth_per_session": "每次会话增长",
    "guard_sessions": "判定前的会话数",
    "has_waited": "已等待",
    "is_back_at_rest": "已回到初值",
    "is_fragmentation": "内存碎片",
    "is_held_free": "增长为空闲内存",
    "is_level_after_waits": "等待后持平",
    "is_level_from_wait_to_wait": "两次等待之间持平",
    "is_steady": "持续增长",
    "jump_fell": "跃升已回落",
    "jump_percent": "跃升",
    "jump_was_waited_for": "跃升后已等待",
    "lasting_bytes_per_session": "每次会话的持久增长",
    "leaking_gates": "泄漏的检查项数",
    "left_uncollected": "未回收的数量",
    "likely": "很可能",
    "limit_bytes": "上限",
    "limit_bytes_per_session": "每次会话的上限",
    "limit_factor": "倍数上限",
    "limit_per_session": "每次会话的上限",
    "look_sessions": "检查所跨的会话数",
    "lower_per_session": "每次会话增长的下界",
    "malloc_bytes_per_session": "malloc 每次会话增长",
    "malloc_even_share": "malloc 均匀上升的比例",
    "malloc_grown_bytes": "malloc 的增长",
    "malloc_limit_bytes": "malloc 的上限",
    "malloc_steady_share": "malloc 后半段与前半段增长之比",
    "memory_is_measured": "内存已测量",
    "met_a_bound": "碰到限制",
    "min_censuses": "最少普查次数",
    "min_flat_sessions": "判为平稳的最少会话数",
    "min_reuse_sessions": "再次使用的最少会话数",
    "missing_lines": "缺少的日志行数",
    "open_gates": "未定的检查项数",
    "orphan_tasks": "遗留的任务数",
    "orphaned_sessions": "留下任务的会话数",
    "other_load_percent": "其他程序的 CPU 占用",
    "outside_bytes_per_session": "malloc 之外每次会话增长",
    "remaining_bytes_per_session": "等待后每次会话的剩余增长",
    "remaining_per_session": "等待后每次会话的剩余增长",
    "rest_rise_percent": "静止时的上升",
    "rest_samples": "静止时的样本数",
    "reuse_sessions": "再次使用的会话数",
    "server_needs_more": "服务器需要更多 CPU",
    "session_factor": "每次会话的倍数",
    "session_first_s": "最初每次会话的时间",
    "session_last_s": "最后每次会话的时间",
    "session_s": "每次会话的时间",
    "sessions": "会话数",
    "sessions_per_thread": "每个线程的会话数",
    "sessions_that_failed": "失败的会话数",
    "sessions_that_worked": "正常的会话数",
    "small_objects_bytes_per_session": "小对象每次会话增长",
    "stop_bytes_per_session": "停止时每个会话的增长",
    "suspected_sessions": "开始起疑的会话数",
    "suspects": "可疑容器数",
    "swing": "波动幅度",
    "tail_free_growth_bytes": "尾段空闲内存的增长",
    "tail_growth_bytes": "尾段的增长",
    "tail_sessions": "尾段的会话数",
    "talking_rise_percent": "对话时的上升",
    "talking_samples": "对话时的样本数",
    "thread_caches_bytes": "线程缓存",
    "timed_sessions": "计时的会话数",
    "tolerated_lines": "容许的日志行数",
    "unsure_bytes_per_session": "可能会缩短的容器每次会话所占",
    "unsure_per_session": "可能会缩短的容器每次会话的数量",
    "until_failing_per_session": "失败之前每次会话的增长",
    "upper_per_session": "每次会话增长的上界",
    "upper_s": "上升的上界",
    "waited_s": "已等待的时间",
    "waits": "等待次数",
}
