//! A pod: from its creation to Ready, and how it ended.

use super::book::{Book, actor};
use super::cause::Of;
use super::rule::rule_of;
use super::telling::{Line, Part, Telling};
use crate::record::{Answer, Object, PodLife, PodStop, Stretch};
use crate::report::{grouped, length};
use crate::unit::{PodId, PoolId, SimTime};
use crate::vocabulary::Cause;

/// The chain of a pod that was watched.
pub fn pod(book: &Book<'_>, pod: PodId) -> Telling {
    let Some(life) = book.seen.lives.iter().find(|life| life.pod == pod) else {
        return Telling { title: format!("pod {}", book.pod_name(pod)), ..Telling::default() };
    };
    let stretches = book.outcome.waits.of_pod(pod, book.outcome.end);
    let mut lines = vec![created(book, life)];
    lines.extend(said(book, pod, SimTime::ZERO, SimTime::NEVER));
    lines.extend(pool_events(book, life, &stretches));
    lines.extend(milestones(book, life));
    lines.extend(stops(book, life));
    // Of one instant, what is waited for comes after what was done.
    lines.extend(waits(book, life, &stretches));
    lines.sort_by_key(|line| line.at);
    let parts: Vec<Part> = stretches.iter().map(part).collect();
    let mut telling = Telling {
        title: format!("pod {}", book.pod_name(pod)),
        facts: facts(book, life),
        lines,
        parts,
        whole: whole(life, &stretches),
        verdict: Vec::new(),
    };
    telling.verdict = verdict(&telling);
    telling
}

/// A stretch as a part.
pub fn part(stretch: &Stretch) -> Part {
    Part { cause: stretch.cause, from: stretch.from, to: stretch.to }
}

fn facts(book: &Book<'_>, life: &PodLife) -> Vec<String> {
    let owner = book.workload_name(life.workload);
    let (cpu, memory) = life.requests;
    let mib = memory as f64 / f64::from(1 << 20);
    let mut facts = vec![format!("of {owner}; requests {cpu}m CPU and {mib:.0} MiB")];
    if !life.counted {
        facts.push("not counted in the figures (warm-up, DaemonSet or AKS's own)".to_owned());
    }
    facts
}

fn created(book: &Book<'_>, life: &PodLife) -> Line {
    if life.created == SimTime::ZERO && life.ready == Some(SimTime::ZERO) {
        return Line::new(life.created, "scenario", "the pod runs from the start (initial: warm)");
    }
    let mut rows = book.outcome.pod_rows.iter();
    let before = rows.find(|row| {
        row.workload == life.workload.0
            && row.ended == Some(life.created)
            && ["evicted", "lost"].contains(&row.end)
    });
    if let Some(before) = before {
        let what = format!("creates the pod in the place of {} ({})", before.name, before.end);
        return Line::new(life.created, "workload controller", what)
            .by("a controller makes as many pods as are wanted");
    }
    let order = book.last_order(life.workload, life.created);
    let why = match order {
        Some(order) => {
            let (from, to) = order.change.unwrap_or_default();
            format!(
                "creates the pod, as {} asked for {to} replicas ({from} -> {to}) at {}: {}",
                actor(order.actor),
                book.clock(order.at),
                order.detail
            )
        }
        None => "creates the pod".to_owned(),
    };
    Line::new(life.created, "workload controller", why).by(order.map_or("", rule_of))
}

/// A line for each stretch of waiting.
fn waits(book: &Book<'_>, life: &PodLife, stretches: &[Stretch]) -> Vec<Line> {
    let pieces = stretches.iter().flat_map(|stretch| by_pool(book, life.pod, stretch));
    let line = |stretch: Stretch| {
        let stretch = &stretch;
        let node = life.node.filter(|_| life.bound.is_some_and(|bound| bound <= stretch.from));
        let pool = pool_at(book, life.pod, stretch.from)
            .or_else(|| book.outcome.node_rows.get(node?.0 as usize)?.pool.map(PoolId));
        let of = Of { workload: Some(life.workload), pool, queue: None };
        wait_line(book, stretch, of, "")
    };
    pieces.map(line).collect()
}

/// A stretch cut where the pod begins to wait for another pool.
fn by_pool(book: &Book<'_>, pod: PodId, stretch: &Stretch) -> Vec<Stretch> {
    let changes = book.outcome.waits.pods.iter().filter(|change| change.pod == pod);
    let within = changes.filter(|change| stretch.from < change.at && change.at < stretch.to);
    let (mut pieces, mut from, mut pool) =
        (Vec::new(), stretch.from, pool_at(book, pod, stretch.from));
    for change in within.filter(|change| change.pool.is_some()) {
        if change.pool != pool {
            pieces.push(Stretch { from, to: change.at, cause: stretch.cause });
            (from, pool) = (change.at, change.pool);
        }
    }
    pieces.push(Stretch { from, ..*stretch });
    pieces
}

/// A stretch of waiting as a line; `whose` says whose it is, where it is not the subject's own.
pub fn wait_line(book: &Book<'_>, stretch: &Stretch, of: Of, whose: &str) -> Line {
    let reason = book.reason(stretch.cause, of);
    let micros = stretch.to.since(stretch.from).micros();
    let pool = match of.pool {
        Some(pool) if !matches!(stretch.cause, Cause::ImagePull | Cause::AppStart) => {
            format!(" (pool {})", book.pool_name(pool))
        }
        _ => String::new(),
    };
    Line {
        at: stretch.from,
        who: reason.who.to_owned(),
        what: format!("{whose}waits {} for {}{pool}", span(micros), stretch.cause.name()),
        rule: reason.rule,
        setting: reason.setting,
        wait: Some((stretch.cause, stretch.to)),
    }
}

/// A length of waiting in words.
pub fn span(micros: u64) -> String {
    match micros {
        0..60_000_000 => format!("{:.3} s", micros as f64 / 1e6),
        _ => length(micros as f64 / 1e6),
    }
}

/// The pool whose wall or node a pod waits for at an instant.
pub fn pool_at(book: &Book<'_>, pod: PodId, at: SimTime) -> Option<PoolId> {
    let changes = book.outcome.waits.pods.iter().filter(|change| change.pod == pod);
    changes.take_while(|change| change.at <= at).last().and_then(|change| change.pool)
}

/// What scheduler and autoscaler said of a watched pod in a time.
pub fn said(book: &Book<'_>, pod: PodId, from: SimTime, to: SimTime) -> Vec<Line> {
    let within = |at: SimTime| from <= at && at < to;
    let verdicts = book.seen.verdicts.iter().filter(|one| one.pod == pod && within(one.at));
    let scheduler = verdicts.map(|verdict| {
        let again = match verdict.tries {
            1 => String::new(),
            many => format!(" ({} tries in a row)", grouped(u64::from(many))),
        };
        let what = format!("finds no node for {}: {}{again}", book.pod_name(pod), verdict.text);
        Line::new(verdict.at, "kube-scheduler", what)
    });
    let answers = book.seen.answers.iter().filter(|one| one.pod == pod && within(one.at));
    let autoscaler = answers.map(|answer| {
        let what = format!("looks at {}: {}", book.pod_name(pod), answer_text(book, answer));
        Line::new(answer.at, "cluster-autoscaler", what)
    });
    scheduler.chain(autoscaler).collect()
}

fn answer_text(book: &Book<'_>, answer: &Answer) -> String {
    let pool = answer.by.map(|pool| book.pool_name(pool)).unwrap_or_default();
    let scale_up =
        book.seen.scale_ups.iter().find(|up| up.at == answer.at && Some(up.pool) == answer.by);
    match answer.fate {
        "fits-node" => "it fits a node that is there; nothing to do".to_owned(),
        "fits-upcoming" => format!("it fits a node of {pool} that is on its way; nothing to do"),
        "too-young" => "it is too young to be looked at yet".to_owned(),
        "all-new" => "all pods are so new that more may come; the next loop looks again".to_owned(),
        "max-nodes" => "max-nodes-total is reached".to_owned(),
        "held" => "nothing is done in this loop: the cluster is not healthy enough".to_owned(),
        "helped" => {
            let by = scale_up.map_or(String::new(), |up| {
                let nodes = if up.by == 1 { "node" } else { "nodes" };
                format!(" by {} {nodes} for {} pods", up.by, up.pods.len())
            });
            let others = scale_up.map(|up| &up.others[..]).unwrap_or_default();
            format!("{pool} grows{by}{}", other_pools(book, others))
        }
        _ => format!("no pool helps now{}", other_pools(book, &answer.pools)),
    }
}

/// Why other pools do not help.
pub fn other_pools(book: &Book<'_>, pools: &[crate::record::PoolAnswer]) -> String {
    let parts: Vec<String> = pools
        .iter()
        .map(|answer| {
            let until =
                answer.until.map_or(String::new(), |at| format!(" until {}", book.clock(at)));
            format!("{}: {}{until}", book.pool_name(answer.pool), answer.reason)
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join("; ")) }
}

/// What happened to the pools that a pod waited for.
fn pool_events(book: &Book<'_>, life: &PodLife, stretches: &[Stretch]) -> Vec<Line> {
    let changes = book.outcome.waits.pods.iter().filter(|change| change.pod == life.pod);
    let mut pools: Vec<PoolId> = changes.filter_map(|change| change.pool).collect();
    pools.sort_unstable();
    pools.dedup();
    let pending = stretches.iter().rfind(|stretch| is_pending(stretch.cause));
    let Some(until) = pending.map(|stretch| stretch.to) else { return Vec::new() };
    let of = |object: Object| matches!(object, Object::Pool(pool) if pools.contains(&pool));
    let entries = book.entries(life.created, until).filter(|entry| of(entry.object));
    book.grouped_lines(entries)
}

/// Whether a pod with this cause has no node yet.
const fn is_pending(cause: Cause) -> bool {
    !matches!(cause, Cause::VolumeAttach | Cause::ImagePull | Cause::AppStart)
}

fn milestones(book: &Book<'_>, life: &PodLife) -> Vec<Line> {
    let mut lines = Vec::new();
    let name = life.node.map(|node| book.node_name(node)).unwrap_or_default();
    if let Some(bound) = life.bound.filter(|bound| *bound != SimTime::ZERO) {
        lines.push(Line::new(bound, "kube-scheduler", format!("binds it to {name}")));
    }
    let row = life.node.and_then(|node| book.outcome.node_rows.get(node.0 as usize));
    if let Some(row) =
        row.filter(|row| row.requested >= life.created && row.requested != SimTime::ZERO)
    {
        for (at, what) in [
            (Some(row.requested), "is asked for"),
            (row.billed_from, "runs; its kubelet is still to come"),
            (row.ready, "is Ready"),
        ] {
            if let Some(at) = at {
                lines.push(Line::new(at, "Azure (scale set)", format!("node {name} {what}")));
            }
        }
    }
    if let Some(ready) = life.ready.filter(|ready| *ready != SimTime::ZERO) {
        lines.push(Line::new(ready, "kubelet", "the probes pass: the pod is Ready"));
    }
    lines
}

fn stops(book: &Book<'_>, life: &PodLife) -> Vec<Line> {
    let stops = book.seen.stops.iter().filter(|stop| stop.pod == life.pod);
    stops.map(|stop| stop_line(book, life, stop)).collect()
}

fn stop_line(book: &Book<'_>, life: &PodLife, stop: &PodStop) -> Line {
    if stop.over {
        let what = match stop.how {
            "completed" => "the pod has done its work and is over".to_owned(),
            how => format!("the pod is over ({how})"),
        };
        return Line::new(stop.at, actor(stop.by), what);
    }
    let node = life.node.map(|node| book.node_name(node)).unwrap_or_default();
    let what = match stop.how {
        "deleted" => match book.last_order(life.workload, stop.at) {
            Some(order) => {
                let (from, to) = order.change.unwrap_or_default();
                format!(
                    "deletes it, as {} asked for {to} replicas ({from} -> {to}) at {}: {}",
                    actor(order.actor),
                    book.clock(order.at),
                    order.detail
                )
            }
            None => "deletes it".to_owned(),
        },
        "evicted" => match stop.by {
            crate::record::Actor::Autoscaler => format!("evicts it: it drains {node}"),
            crate::record::Actor::Azure => format!("evicts it: AKS drains {node}"),
            crate::record::Actor::Scheduler => {
                "preempts it for a pod of higher priority".to_owned()
            }
            crate::record::Actor::Vpa => "evicts it to give it other requests".to_owned(),
            _ => format!("evicts it: {node} is tainted"),
        },
        _ => format!("takes the VM of {node} away: what ran on it is lost"),
    };
    Line::new(stop.at, actor(stop.by), what)
}

fn whole(life: &PodLife, stretches: &[Stretch]) -> String {
    let end = match (life.ready, stretches.last()) {
        (Some(ready), Some(last)) if last.to <= ready => "to Ready",
        _ => "until it waited no more (never Ready)",
    };
    format!("from creation {end}")
}

/// What to make of it.
fn verdict(telling: &Telling) -> Vec<String> {
    let Some(&(cause, most)) = telling.totals().first() else {
        return vec!["It did not wait.".to_owned()];
    };
    let share = most as f64 / telling.total().max(1) as f64;
    vec![format!(
        "Most of its waiting ({}) is {}: {}.",
        crate::report::percent(share),
        cause.name(),
        cause.meaning()
    )]
}
