//! A node: who made it and for whom, why it is still there, and why its pool was not chosen.

use super::book::Book;
use super::pod::other_pools;
use super::rule::rule_of;
use super::telling::{Line, Setting, Telling};
use crate::record::{Keep, NodeRow, Object, ScaleUp};
use crate::report::{counted, percent};
use crate::unit::{NodeId, PoolId, SimTime};

/// At most this many pods are named.
const NAMED: usize = 3;

/// The chain of a node that was watched, up to an instant, and why it is there then.
pub fn node(book: &Book<'_>, node: NodeId, at: SimTime) -> Telling {
    let mut telling =
        Telling { title: format!("node {}", book.node_name(node)), ..Telling::default() };
    let Some(row) = book.outcome.node_rows.get(node.0 as usize) else { return telling };
    let pool = row.pool.map(PoolId);
    telling.facts = facts(book, row, pool, at);
    let mut lines = birth(book, node, row);
    lines.extend(life(book, node, row));
    lines.extend(said(book, node));
    if let Some(pool) = pool {
        lines.extend(passed_over(book, pool, at));
    }
    lines.retain(|line| line.at <= at);
    lines.sort_by_key(|line| line.at);
    telling.lines = lines;
    telling.verdict = still_here(book, node, row, pool, at);
    telling
}

fn scale_up_of<'a>(book: &Book<'a>, node: NodeId) -> Option<&'a ScaleUp> {
    book.seen.scale_ups.iter().find(|up| up.nodes.contains(&node))
}

fn facts(book: &Book<'_>, row: &NodeRow, pool: Option<PoolId>, at: SimTime) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(pool) = pool {
        let spec = &book.plan.pools[pool];
        let size = book.plan.symbols.text(spec.size.name);
        let bounds = if spec.autoscaled {
            format!("minCount {}, maxCount {}", spec.min, spec.max)
        } else {
            "not autoscaled".to_owned()
        };
        facts.push(format!("of pool {} ({size}, {bounds})", book.pool_name(pool)));
    }
    let state = if row.gone.is_some_and(|gone| gone <= at) {
        format!("gone ({})", row.end)
    } else if row.ready.is_some_and(|ready| ready <= at) {
        "Ready".to_owned()
    } else if row.requested <= at {
        "on its way".to_owned()
    } else {
        "not asked for yet".to_owned()
    };
    facts.push(format!("at {}: {state}", book.clock(at)));
    facts
}

fn birth(book: &Book<'_>, node: NodeId, row: &NodeRow) -> Vec<Line> {
    if let Some(up) = scale_up_of(book, node) {
        let named: Vec<String> =
            up.pods.iter().take(NAMED).map(|&pod| book.pod_name(pod)).collect();
        let more = up.pods.len().saturating_sub(NAMED);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        let whom = if named.is_empty() {
            "up to minCount".to_owned()
        } else {
            format!("for {}{tail}", named.join(", "))
        };
        let what = format!(
            "grows pool {} by {}, this one among them, {whom}{}{}",
            book.pool_name(up.pool),
            counted(u64::from(up.by), "node", "nodes"),
            offers(book, up),
            other_pools(book, &up.others)
        );
        let rule = "a scan simulates the pending pods on a new node of each pool; the expander \
                    chooses among the pools that help";
        return vec![Line::new(up.at, "cluster-autoscaler", what).by(rule)];
    }
    let what = if row.requested == SimTime::ZERO {
        "there from the start (count)"
    } else {
        "asks for it without a pod's need (refill, upgrade, or the size that was wanted before)"
    };
    vec![Line::new(row.requested, "Azure (scale set)", what)]
}

/// What the expander chose from.
fn offers(book: &Book<'_>, up: &ScaleUp) -> String {
    if up.offers.len() < 2 {
        return String::new();
    }
    let parts: Vec<String> = up
        .offers
        .iter()
        .map(|(pool, nodes, pods)| {
            format!("{} ({nodes} nodes for {pods} pods)", book.pool_name(*pool))
        })
        .collect();
    format!("; it could choose from {}", parts.join(", "))
}

fn life(book: &Book<'_>, node: NodeId, row: &NodeRow) -> Vec<Line> {
    let pool = row.pool.map(PoolId);
    let time = |key: &str| {
        let own = pool.map(|pool| format!("timing.pools.{}.{key}", book.pool_name(pool)));
        let plain = format!("timing.{key}");
        let paths: Vec<String> = own.into_iter().chain([plain.clone()]).collect();
        book.setting(&paths, (&plain, String::new(), "own default"))
    };
    let mut lines = Vec::new();
    let from_start = row.requested == SimTime::ZERO && row.billed_from == Some(SimTime::ZERO);
    let mut put = |at: Option<SimTime>, who: &str, what: &str, setting: Option<Setting>| {
        if let Some(at) = at.filter(|_| !from_start) {
            let line = Line::new(at, who, what);
            lines.push(Line { setting, ..line });
        }
    };
    put(
        row.billed_from,
        "Azure (scale set)",
        "the VM runs, and is billed",
        Some(time("vmProvision")),
    );
    put(row.registered, "kubelet", "registers the node, with the not-ready taint", None);
    put(row.ready, "node controller", "the node is Ready", Some(time("nodeReady")));
    let end = row.billed_until.or(row.gone);
    let own = |object: Object| object == Object::Node(node);
    let entries = book.entries(SimTime::ZERO, book.outcome.end);
    let told: Vec<Line> = entries
        .filter(|entry| own(entry.object) && !["vm-running", "node-ready"].contains(&entry.action))
        .map(|entry| {
            Line::new(entry.at, super::book::actor(entry.actor), book.sentence(entry))
                .by(rule_of(entry))
        })
        .collect();
    if let Some(end) = end {
        lines.push(Line::new(end, "Azure (scale set)", format!("the VM is gone ({})", row.end)));
    }
    lines.extend(told);
    lines
}

fn said(book: &Book<'_>, node: NodeId) -> Vec<Line> {
    let keeps = book.seen.keeps.iter().filter(|keep| keep.node == node);
    // A timer that goes on and a use that changes within one verdict are not told twice.
    let mut last: Option<(&str, Option<SimTime>, bool)> = None;
    let mut lines = Vec::new();
    for keep in keeps {
        let key = (keep.reason, keep.unneeded_since, keep.cooldown && keep.reason == "Unneeded");
        if last != Some(key) {
            let what = format!("looks at it: {}", keep_text(book, keep));
            lines.push(Line {
                setting: keep_setting(book, keep),
                ..Line::new(keep.at, "cluster-autoscaler", what)
            });
        }
        last = Some(key);
    }
    lines
}

fn used(keep: &Keep) -> String {
    let share = |milli: u32| percent(f64::from(milli) / 1_000.0);
    format!(
        "{} of its CPU and {} of its memory are requested by {} and DaemonSets",
        share(keep.used.0),
        share(keep.used.1),
        counted(u64::from(keep.pods), "pod", "pods")
    )
}

/// What the autoscaler says of a node, with upstream's name of the reason.
fn keep_text(book: &Book<'_>, keep: &Keep) -> String {
    let used = used(keep);
    let since =
        keep.unneeded_since.map_or(String::new(), |at| format!(" since {}", book.clock(at)));
    let plain = match keep.reason {
        "NotUnderutilized" => format!("{used}: too much to be a candidate"),
        "BlockedByPod" => match keep.blocker {
            Some((pod, why)) => format!("{} keeps it ({why}); {used}", book.pod_name(pod)),
            None => "a pod keeps it".to_owned(),
        },
        "NoPlaceToMovePods" => format!("its pods would fit nowhere else; {used}"),
        "NodeGroupMinSizeReached" => "its pool would fall under minCount".to_owned(),
        "NotUnneededLongEnough" | "Unneeded" => {
            let held =
                if keep.cooldown { ", but deletions are held back by a cooldown" } else { "" };
            format!("it is not needed{since}{held}; {used}")
        }
        "NotUnreadyLongEnough" => format!("it is unready{since}, not for long enough"),
        "NotAutoscaled" => "its pool is not autoscaled".to_owned(),
        "CurrentlyBeingDeleted" => "it is being deleted".to_owned(),
        "ScaleDownDisabledAnnotation" => "an annotation (or an upgrade) keeps it".to_owned(),
        "NotReached" => "enough nodes to delete were found before it".to_owned(),
        "NotLookedAt" => "nothing: too young to be a candidate, or not reached".to_owned(),
        other => format!("{other}; {used}"),
    };
    format!("{plain} [{}]", keep.reason)
}

/// The setting that decides how long a verdict holds.
fn keep_setting(book: &Book<'_>, keep: &Keep) -> Option<Setting> {
    let spec = &book.plan.autoscaler;
    let (key, value) = match keep.reason {
        "NotUnderutilized" => {
            ("scale-down-utilization-threshold", spec.utilization_threshold.to_string())
        }
        "NotUnneededLongEnough" | "Unneeded" if keep.cooldown => {
            ("scale-down-delay-after-add", spec.delay_after_add.to_string())
        }
        "NotUnneededLongEnough" | "Unneeded" => {
            ("scale-down-unneeded-time", spec.unneeded_time.to_string())
        }
        "NotUnreadyLongEnough" => ("scale-down-unready-time", spec.unready_time.to_string()),
        "NodeGroupMinSizeReached" => {
            let pool = book.outcome.node_rows.get(keep.node.0 as usize)?.pool.map(PoolId)?;
            let path = format!("cluster.agentPoolProfiles.{}.minCount", book.pool_name(pool));
            let value = book.plan.pools[pool].min.to_string();
            return Some(
                book.setting(std::slice::from_ref(&path), (&path, value, "from the scenario")),
            );
        }
        _ => return None,
    };
    let path = format!("cluster.autoScalerProfile.{key}");
    let otherwise = (path.as_str(), value, "cluster-autoscaler flag default");
    Some(book.setting(std::slice::from_ref(&path), otherwise))
}

/// The last scale-ups of other pools, and why this one was not chosen.
fn passed_over(book: &Book<'_>, pool: PoolId, at: SimTime) -> Vec<Line> {
    let others = book.seen.scale_ups.iter().filter(|up| up.pool != pool && up.at <= at);
    let told = others.filter_map(|up| {
        let own = up.others.iter().find(|answer| answer.pool == pool);
        let offered = up.offers.iter().find(|(offered, ..)| *offered == pool);
        let why = match (own, offered) {
            (Some(answer), _) => other_pools(book, std::slice::from_ref(answer)),
            (None, Some((_, nodes, pods))) => {
                let names: Vec<&str> =
                    book.plan.autoscaler.expanders.iter().map(|one| one.name()).collect();
                format!(
                    "; {} offered {nodes} nodes for {pods} pods, and the expander ({}) chose the \
                     other",
                    book.pool_name(pool),
                    names.join(",")
                )
            }
            (None, None) => return None,
        };
        let what = format!(
            "grows pool {} by {}, not {}{why}",
            book.pool_name(up.pool),
            up.by,
            book.pool_name(pool)
        );
        Some(Line::new(up.at, "cluster-autoscaler", what))
    });
    let mut told: Vec<Line> = told.collect();
    // One line for each text, the first.
    let mut seen: Vec<String> = Vec::new();
    told.retain(|line| {
        let known = seen.contains(&line.what);
        seen.push(line.what.clone());
        !known
    });
    told
}

/// Why it is there at an instant.
fn still_here(
    book: &Book<'_>,
    node: NodeId,
    row: &NodeRow,
    pool: Option<PoolId>,
    at: SimTime,
) -> Vec<String> {
    if let Some(gone) = row.gone.filter(|gone| *gone <= at) {
        return vec![format!("It is not there: gone at {} ({}).", book.clock(gone), row.end)];
    }
    if row.requested > at {
        return vec!["It is not there yet.".to_owned()];
    }
    if row.ready.is_none_or(|ready| ready > at) {
        let ready = row.ready.map_or("never".to_owned(), |ready| book.clock(ready));
        return vec![format!("It is on its way; Ready: {ready}.")];
    }
    let autoscaled = pool.is_some_and(|pool| book.plan.pools[pool].autoscaled);
    if !autoscaled {
        return vec!["It is still here because its pool is not autoscaled.".to_owned()];
    }
    let keep = book.seen.keeps.iter().rev().find(|keep| keep.node == node && keep.at <= at);
    let Some(keep) = keep else {
        return vec!["It is still here: no scan has looked at it yet.".to_owned()];
    };
    let mut said = vec![format!(
        "It is still here because, at the scan of {}, {}.",
        book.clock(keep.at),
        keep_text(book, keep)
    )];
    let spec = &book.plan.autoscaler;
    if let Some(since) = keep.unneeded_since {
        let due = since + spec.unneeded_time;
        said.push(format!(
            "Its timer of scale-down-unneeded-time {} ends at {}; the first scan after that, and \
             after the cooldowns (scale-down-delay-after-add {}), may delete it.",
            spec.unneeded_time,
            book.clock(due),
            spec.delay_after_add
        ));
    }
    let size = book
        .outcome
        .node_rows
        .iter()
        .filter(|other| {
            other.pool == row.pool
                && other.requested <= at
                && other.gone.is_none_or(|gone| gone > at)
        })
        .count();
    if let Some(pool) = pool {
        let min = book.plan.pools[pool].min;
        let nodes = counted(size as u64, "node", "nodes");
        said.push(format!("Its pool has {nodes} then; minCount is {min}."));
    }
    said
}
