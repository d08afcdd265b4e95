//! `nodes:` a given list of nodes outside any pool.

use super::lowering::{Lowering, value};
use super::pool::GPU;
use crate::model::Labels;
use crate::plan::GivenNode;
use crate::scenario::format::{Nodes, Text};
use crate::scenario::table::{self, NodeColumns};
use crate::unit::Resources;

/// Pods a node takes where the scenario does not say.
const MAX_PODS: i64 = 250;

/// Label of the model of GPU.
pub const ACCELERATOR: &str = "accelerator";

/// Room for what no trace asks for.
const EPHEMERAL: i64 = 1 << 40;

/// The given nodes; none after an error.
pub fn given(lowering: &mut Lowering<'_, '_>) -> Vec<GivenNode> {
    let Some(nodes) = value(&lowering.scenario.nodes) else { return Vec::new() };
    let nodes = read(lowering, nodes).unwrap_or_default();
    lowering.given_nodes = nodes.iter().map(|node| node.name).collect();
    nodes
}

fn read(lowering: &mut Lowering<'_, '_>, nodes: &Nodes) -> Option<Vec<GivenNode>> {
    let file = nodes.file.as_ref()?;
    let table = lowering.table(file, true)?;
    let name = |key| value(key).map(|name: &Text| name.0.as_str());
    let columns = NodeColumns {
        name: name(&nodes.name),
        cpu: name(&nodes.cpu).unwrap_or("cpu_milli"),
        memory: name(&nodes.memory).unwrap_or("memory_mib"),
        gpu: name(&nodes.gpu),
        model: name(&nodes.model),
    };
    let read = table::nodes(&table, columns);
    let rows = lowering.checked(file, read)?;
    let max_pods = value(&nodes.max_pods).map_or(MAX_PODS, |count| i64::from(count.0));
    let mut given = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        let name = if row.name.is_empty() { format!("node-{index:05}") } else { row.name };
        let mut room = Resources {
            cpu_milli: row.cpu_milli,
            memory: row.memory,
            ephemeral: EPHEMERAL,
            pods: max_pods,
            ..Resources::ZERO
        };
        if row.gpus > 0
            && let Some(id) = lowering.tables.extended(GPU)
        {
            room.extended[usize::from(id.0)] = row.gpus;
        }
        let tables = &mut lowering.tables;
        let mut labels: Labels = [
            ("kubernetes.io/hostname", name.as_str()),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
        ]
        .into_iter()
        .map(|(key, text)| (tables.intern(key), tables.intern(text)))
        .collect();
        if !row.model.is_empty() {
            labels.set(tables.intern(ACCELERATOR), tables.intern(&row.model));
        }
        let name = tables.intern(&name);
        let taints = Vec::new();
        given.push(GivenNode { name, labels, taints, capacity: room, allocatable: room });
    }
    Some(given)
}
