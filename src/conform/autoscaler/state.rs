//! Cluster state, backoff, readiness.

use serde_json::{Map, Value, json};

use super::fixture::{at, head, instant, length, list, now_of, number, pairs, seconds_of, text};
use crate::conform::case::Verdict;
use crate::control::autoscaler::backoff::{Backoff, BackoffTimes};
use crate::control::autoscaler::state::{
    AcceptableRange, ClusterState, GroupSize, IncorrectSize, InstanceReading, MAX_SCALE_DOWN_TIME,
    NodeClass, NodeReading, Readiness, StateLimits,
};
use crate::control::autoscaler::{Conditions, FailureKind, Words};
use crate::model::ProvisioningFailure;
use crate::unit::{Duration, NodeId, PoolId, SimTime, Symbols};

fn kind_of(text: &str) -> FailureKind {
    match text {
        "QUOTA_EXCEEDED" => FailureKind::Provider(ProvisioningFailure::QuotaExceeded),
        "IP_SPACE_EXHAUSTED" => FailureKind::Provider(ProvisioningFailure::SubnetIsFull),
        "RESOURCE_POOL_EXHAUSTED" => FailureKind::Provider(ProvisioningFailure::AllocationFailed),
        timeout if timeout.eq_ignore_ascii_case("timeout") => FailureKind::Timeout,
        _ => FailureKind::Other,
    }
}

fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Provider(ProvisioningFailure::QuotaExceeded) => "QUOTA_EXCEEDED",
        FailureKind::Provider(ProvisioningFailure::SubnetIsFull) => "IP_SPACE_EXHAUSTED",
        FailureKind::Provider(_) => "RESOURCE_POOL_EXHAUSTED",
        FailureKind::Timeout => "TIMEOUT",
        FailureKind::Other => "OTHER",
    }
}

/// Backoff of groups, step by step.
pub fn backoff(given: &Value, expect: &Value) -> Option<Verdict> {
    let times = BackoffTimes {
        initial: length(given, "initial_s")?,
        max: length(given, "max_s")?,
        reset: length(given, "reset_s")?,
    };
    let mut backoff = Backoff::default();
    let mut names: Vec<String> = Vec::new();
    let mut got = Vec::new();
    let mut now = at(0.0);
    for step in list(given, "steps") {
        now = instant(step, "at_s").unwrap_or(now);
        let name = text(step, "group").to_owned();
        let index = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        let pool = PoolId::from(index);
        got.push(match text(step, "op") {
            "status" => {
                let entry = backoff.active(pool, now);
                let error = entry.map(|entry| kind_name(entry.kind));
                json!({"backed_off": entry.is_some(), "error": error})
            }
            "backoff" => {
                backoff.failed(pool, kind_of(text(step, "error")), &times, now);
                Value::Null
            }
            "remove" => {
                backoff.remove(pool);
                Value::Null
            }
            "drop_stale" => {
                backoff.drop_stale(&times, now);
                json!({"entries": backoff.len()})
            }
            _ => return None,
        });
    }
    // Null asserts nothing.
    for (got, wanted) in got.iter_mut().zip(list(expect, "step_results")) {
        if wanted.is_null() {
            *got = Value::Null;
        }
    }
    Some(Verdict::compare(expect["step_results"].clone(), Value::Array(got)))
}

/// Readiness of a node from its conditions and taints.
pub fn node_readiness(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut symbols = Symbols::default();
    let words = Words::new(&mut symbols, &head(), []);
    let is = |key: &str| given["conditions"][key] == "True";
    let conditions = Conditions {
        ready: is("Ready"),
        disk_pressure: is("DiskPressure"),
        network_unavailable: is("NetworkUnavailable"),
    };
    let taints: Vec<_> = list(given, "taints")
        .iter()
        .map(|key| symbols.intern(key.as_str().unwrap_or("")))
        .collect();
    let ready = conditions.are_ready(taints, &words);
    Some(Verdict::compare(expect["ready"].clone(), json!(ready)))
}

fn readiness(group: &Value) -> Readiness {
    let count = |key: &str| number(group, key) as u32;
    Readiness {
        registered: if group["registered"].is_u64() { count("registered") } else { count("ready") },
        ready: count("ready"),
        unregistered: count("unregistered"),
        long_unregistered: count("long_unregistered"),
        ..Readiness::default()
    }
}

/// Tables of one function of the cluster state, or its steps.
pub fn cluster_state(given: &Value, expect: &Value) -> Option<Verdict> {
    if given["steps"].is_array() {
        return steps(given, expect);
    }
    if expect["ranges"].is_object() {
        let got: Map<String, Value> = list(given, "groups")
            .iter()
            .map(|group| {
                let range = AcceptableRange::of(
                    number(group, "target") as u32,
                    &readiness(group),
                    number(group, "scale_up_increase"),
                    number(group, "scale_down_requests") as usize,
                );
                (text(group, "id").to_owned(), range_value(&range))
            })
            .collect();
        return Some(Verdict::compare(expect["ranges"].clone(), Value::Object(got)));
    }
    if expect["incorrect"].is_object() {
        return incorrect(given, expect);
    }
    recalculated(given, expect)
}

fn range_value(range: &AcceptableRange) -> Value {
    json!({"min": range.min, "max": range.max, "current_target": range.target})
}

fn incorrect(given: &Value, expect: &Value) -> Option<Verdict> {
    let now = now_of(given);
    let mut got = Map::new();
    for group in list(given, "groups") {
        let name = text(group, "id");
        let before = &given["previous"][name];
        let previous = before.is_object().then(|| IncorrectSize {
            current: number(before, "current") as u32,
            expected: number(before, "expected") as u32,
            first_observed: instant(before, "first_observed_s").unwrap_or(now),
        });
        let target = number(group, "target") as u32;
        if let Some(size) = IncorrectSize::of(target, &readiness(group), previous.as_ref(), now) {
            got.insert(name.to_owned(), incorrect_value(&size));
        }
    }
    Some(Verdict::compare(expect["incorrect"].clone(), Value::Object(got)))
}

fn incorrect_value(size: &IncorrectSize) -> Value {
    let first = seconds_of(size.first_observed) as i64;
    json!({"current": size.current, "expected": size.expected, "first_observed_s": first})
}

/// `Recalculate` after a change of size: ready nodes, maybe a request.
fn recalculated(given: &Value, expect: &Value) -> Option<Verdict> {
    let limits = StateLimits::of(&head());
    let now = at(0.0);
    let mut state = ClusterState::default();
    let pool = PoolId(0);
    let target = number(&given["group"], "target") as u32;
    if let Some(increase) = given["scale_up_request_increase"].as_i64() {
        state.register_scale_up(pool, increase, &limits, now);
    }
    let nodes = (0..number(given, "ready") as u32).map(|node| NodeReading {
        node: NodeId(node),
        pool: Some(pool),
        ready: true,
        created: None,
        deleted: false,
        suspended: false,
    });
    state.update(&limits, &[GroupSize { pool, target }], nodes, [], now);
    let mut got = Map::new();
    for (key, _) in expect.as_object()? {
        got.insert(
            key.clone(),
            match key.as_str() {
                "acceptable_range" => range_value(&state.range(pool)?),
                "upcoming" => json!(state.upcoming(pool, &limits, now)),
                _ => return None,
            },
        );
    }
    Some(Verdict::compare(expect.clone(), Value::Object(got)))
}

/// A cluster state that is told steps.
struct Steps<'c> {
    given: &'c Value,
    limits: StateLimits,
    state: ClusterState,
    groups: Vec<(String, u32)>,
    names: Vec<String>,
    classes: Vec<(NodeId, PoolId, NodeClass)>,
    failures: Value,
    decreases: Map<String, Value>,
    /// Nodes whose instance a step took away.
    without_instance: Vec<NodeId>,
    symbols: Symbols,
    words: Words,
}

fn steps(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut limits = StateLimits::of(&head());
    if let Some(health) = given["health"].as_object() {
        let percent = health.get("max_total_unready_percentage").and_then(Value::as_f64);
        limits.max_unready_percent = percent.unwrap_or(0.0);
        limits.ok_unready = number(&given["health"], "ok_total_unready_count") as u32;
    }
    limits.provision = length(given, "max_node_provision_s").unwrap_or(limits.provision);
    limits.startup = length(given, "max_node_startup_s").unwrap_or(limits.startup);
    if given["backoff"].is_object() {
        limits.backoff = BackoffTimes {
            initial: length(&given["backoff"], "initial_s")?,
            max: length(&given["backoff"], "max_s")?,
            reset: length(&given["backoff"], "reset_s")?,
        };
    }
    let group = |own: &Value| (text(own, "id").to_owned(), number(own, "target") as u32);
    let mut symbols = Symbols::default();
    let words = Words::new(&mut symbols, &head(), []);
    let mut steps = Steps {
        given,
        limits,
        state: ClusterState::default(),
        groups: list(given, "groups").iter().map(group).collect(),
        names: Vec::new(),
        classes: Vec::new(),
        failures: Value::Null,
        decreases: Map::new(),
        without_instance: Vec::new(),
        symbols,
        words,
    };
    let mut got = Vec::new();
    let mut now = at(0.0);
    for (step, wanted) in list(given, "steps").iter().zip(list(expect, "after_step")) {
        now = instant(step, "at_s").unwrap_or(now);
        steps.run(step, now)?;
        got.push(steps.read(wanted, now)?);
    }
    Some(Verdict::compare(expect["after_step"].clone(), Value::Array(got)))
}

impl Steps<'_> {
    fn pool(&self, name: &str) -> Option<PoolId> {
        self.groups.iter().position(|(known, _)| known == name).map(PoolId::from)
    }

    fn node(&mut self, name: &str) -> NodeId {
        let known = self.names.iter().position(|known| known == name);
        NodeId::from(known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        }))
    }

    fn sizes(&self) -> Vec<GroupSize> {
        let targets = self.groups.iter().map(|(_, target)| *target);
        let pools = (0_usize..).map(PoolId::from);
        pools.zip(targets).map(|(pool, target)| GroupSize { pool, target }).collect()
    }

    fn run(&mut self, step: &Value, now: SimTime) -> Option<()> {
        let pool = self.pool(text(step, "group"));
        let limits = self.limits;
        match text(step, "op") {
            "register_scale_up" => {
                self.state.register_scale_up(pool?, number(step, "delta"), &limits, now);
            }
            "register_scale_down" => {
                let node = self.node(text(step, "node"));
                let expected =
                    instant(step, "expected_delete_s").unwrap_or(now + MAX_SCALE_DOWN_TIME);
                self.state.register_scale_down(pool?, node, expected, now);
            }
            "expire_requests" => self.state.expire_scale_downs(now),
            "set_target" => {
                let index = usize::from(pool?);
                self.groups[index].1 = number(step, "target") as u32;
                self.state.update_ranges(&self.sizes());
            }
            "recalculate" => self.state.update_ranges(&self.sizes()),
            "register_failed_scale_up" => {
                let kind = kind_of(text(step, "reason"));
                self.state.register_failed_scale_up(pool?, kind, &limits, now);
            }
            "delete_instance" | "remove_instance" => {
                let node = self.node(step["node"].as_str()?);
                self.without_instance.push(node);
            }
            "add_group" => {
                let group = &step["group"];
                self.groups.push((text(group, "id").to_owned(), number(group, "target") as u32));
            }
            "update" => self.update(step, now),
            "check" => {}
            _ => return None,
        }
        Some(())
    }

    /// The nodes of a step.
    fn readings(&mut self, step: &Value) -> Vec<NodeReading> {
        let checked = self.given["provider_has_instance_check"] != false;
        let mut readings = Vec::new();
        for value in list(step, "nodes") {
            let pool = value["group"].as_str().and_then(|name| self.pool(name));
            let node = self.node(text(value, "name"));
            let taints: Vec<_> = list(value, "taints")
                .iter()
                .map(|taint| self.symbols.intern(taint.as_str().unwrap_or(text(taint, "key"))))
                .collect();
            let marked = taints.contains(&self.words.to_be_deleted);
            // A provider that cannot tell falls back on the taint.
            let gone = if checked { self.is_without_instance(step, value, node) } else { marked };
            let ready = Conditions { ready: value["ready"] == true, ..Conditions::FINE };
            readings.push(NodeReading {
                node,
                pool,
                ready: ready.are_ready(taints, &self.words),
                created: instant(value, "creation_timestamp_s"),
                deleted: gone,
                suspended: value["suspended"] == true,
            });
        }
        readings
    }

    fn update(&mut self, step: &Value, now: SimTime) {
        let given = self.given;
        let readings = self.readings(step);
        let is_node = |node: NodeId, readings: &[NodeReading]| {
            readings.iter().any(|reading| reading.node == node)
        };
        let mut instances = Vec::new();
        for (key, error) in [
            ("cloud_instances", None),
            ("cloud_instances_with_errors", Some("RESOURCE_POOL_EXHAUSTED")),
        ] {
            let of = if step[key].is_object() { step } else { given };
            for (group, names) in pairs(of, key) {
                let Some(pool) = self.pool(group) else { continue };
                for name in names.as_array().into_iter().flatten() {
                    let node = self.node(name.as_str().unwrap_or_default());
                    instances.push(InstanceReading {
                        node,
                        pool,
                        has_node: is_node(node, &readings),
                        deleting: false,
                        error: error.map(kind_of),
                    });
                }
            }
        }
        let sizes = self.sizes();
        let startup = self.limits.startup;
        self.classes = readings
            .iter()
            .filter_map(|own| Some((own.node, own.pool?, own.class(startup, now))))
            .collect();
        let failed = self.state.update(&self.limits, &sizes, readings, instances, now);
        let mut failures = Map::new();
        for failure in &failed {
            let name = self.groups[usize::from(failure.pool)].0.clone();
            if failure.kind == FailureKind::Timeout && self.limits.requests_rule {
                let calls = self.decreases.entry(name.clone()).or_insert_with(|| json!([]));
                calls.as_array_mut().expect("a list").push(json!(-failure.nodes));
                // The provider takes the nodes back, unless it fails.
                if given["decrease_target_fails"] != true {
                    let target = &mut self.groups[usize::from(failure.pool)].1;
                    *target = target.saturating_sub(failure.nodes as u32);
                }
            }
            let value = json!({"reason": kind_name(failure.kind), "instances": failure.nodes});
            failures.insert(name, value);
        }
        self.failures = Value::Object(failures);
    }

    /// Whether a node of a group has lost its instance: the node says so, a step took it away, or
    /// the step lists the instances of its group without it.
    fn is_without_instance(&self, step: &Value, value: &Value, node: NodeId) -> bool {
        let says = ["deleted", "instance_deleted"].iter().any(|key| value[*key] == true)
            || ["has_instance", "instance_exists"].iter().any(|key| value[*key] == false);
        let name = &value["name"];
        let listed = step["cloud_instances"][text(value, "group")].as_array();
        let missing = listed.is_some_and(|names| !names.contains(name));
        let taken = list(step, "deleted_instances").contains(name);
        value["group"].is_string()
            && (says || missing || taken || self.without_instance.contains(&node))
    }

    fn read(&self, wanted: &Value, now: SimTime) -> Option<Value> {
        let Some(wanted) = wanted.as_object() else { return Some(Value::Null) };
        let mut got = Map::new();
        for (key, value) in wanted {
            got.insert(key.clone(), self.one(key, value, now)?);
        }
        Some(Value::Object(got))
    }

    /// A value per group that the case names.
    fn per_group(&self, wanted: &Value, read: impl Fn(PoolId) -> Value) -> Option<Value> {
        let names = wanted.as_object()?.keys();
        names.map(|name| Some((name.clone(), read(self.pool(name)?)))).collect()
    }

    fn one(&self, key: &str, wanted: &Value, now: SimTime) -> Option<Value> {
        let (state, limits) = (&self.state, &self.limits);
        let (nodes, target) = state.autoscaled_size();
        let total = state.total();
        Some(match key {
            "decrease_target_calls" => Value::Object(self.decreases.clone()),
            "has_request" | "started_scale_up" | "has_started_scale_up" => {
                self.per_group(wanted, |pool| json!(state.request(pool).is_some()))?
            }
            "autoscaled_nodes" => json!(nodes),
            "autoscaled_target" => json!(target),
            "failed_scale_up" => self.failures_like(wanted),
            "deleted_nodes" => {
                let gone = self.classes.iter().filter(|(.., class)| *class == NodeClass::Deleted);
                gone.map(|(node, ..)| json!(self.names[usize::from(*node)])).collect()
            }
            "incorrect_size" => self.per_group(wanted, |pool| {
                state.incorrect_size(pool).map_or(Value::Null, incorrect_value)
            })?,
            "cluster_healthy" => json!(state.is_cluster_healthy(limits)),
            "group_healthy" => {
                self.per_group(wanted, |pool| json!(state.is_group_healthy(pool, limits)))?
            }
            "safe_to_scale_up" => {
                self.per_group(wanted, |pool| json!(state.is_safe_to_scale_up(pool, limits, now)))?
            }
            "scaling_up" => {
                self.per_group(wanted, |pool| json!(state.is_scaling_up(pool, limits)))?
            }
            "upcoming" => {
                self.per_group(wanted, |pool| json!(state.upcoming(pool, limits, now)))?
            }
            "upcoming_registered" => self.per_group(wanted, |pool| {
                let young = self
                    .classes
                    .iter()
                    .filter(|(_, own, class)| *own == pool && *class == NodeClass::NotStarted);
                young.map(|(node, ..)| json!(self.names[usize::from(*node)])).collect()
            })?,
            "unregistered" => {
                state.unregistered().map(|node| json!(self.names[usize::from(node)])).collect()
            }
            "scale_down_requests" => json!(state.scale_down_requests()),
            "scale_up_requests" => self.requests(),
            "counts" => {
                let count = |name: &str| {
                    Some(json!(match name {
                        "registered" => total.registered,
                        "ready" => total.ready,
                        "unready" => total.unready,
                        "suspended" => total.suspended,
                        "not_started" => total.not_started,
                        "deleted" => total.deleted,
                        "unregistered" => total.unregistered,
                        "long_unregistered" => total.long_unregistered,
                        _ => return None,
                    }))
                };
                let names = wanted.as_object()?.keys();
                names.map(|name| Some((name.clone(), count(name)?))).collect::<Option<Value>>()?
            }
            _ => return None,
        })
    }

    /// Failures; a reason that differs in case alone is written as the case writes it.
    fn failures_like(&self, wanted: &Value) -> Value {
        let mut failures = self.failures.clone();
        for (group, failure) in failures.as_object_mut().into_iter().flatten() {
            let reason = &wanted[group]["reason"];
            let same = |own: &str| own.eq_ignore_ascii_case(text(failure, "reason"));
            if reason.as_str().is_some_and(same) {
                failure["reason"] = reason.clone();
            }
        }
        failures
    }

    fn requests(&self) -> Value {
        let requests = (0_usize..).zip(&self.groups).filter_map(|(index, (name, _))| {
            let request = self.state.request(PoolId::from(index))?;
            let value = json!({
                "increase": request.increase,
                "time_s": seconds_of(request.time) as i64,
                "expected_add_s": seconds_of(request.expected) as i64,
            });
            Some((name.clone(), value))
        });
        requests.collect()
    }
}

/// Delays per group.
pub fn delay_local(given: &Value, expect: &Value) -> Option<Verdict> {
    let now = now_of(given);
    let delays = ["delay_after_add_s", "delay_after_delete_s", "delay_after_failure_s"]
        .map(|key| length(given, key).unwrap_or(Duration::ZERO));
    let kept: Vec<Value> = pairs(given, "candidates")
        .into_iter()
        .filter(|(_, group)| {
            let last = |kind: &str| {
                list(given, "events")
                    .iter()
                    .filter(|event| event["group"] == **group && text(event, "kind") == kind)
                    .filter_map(|event| instant(event, "at_s"))
                    .max()
            };
            let last = ["scale_up", "scale_down", "failed_scale_down"].map(last);
            !crate::control::autoscaler::planner::is_delayed(last, delays, now)
        })
        .map(|(name, _)| json!(name))
        .collect();
    Some(super::compare_sets(&expect["kept"], kept))
}
