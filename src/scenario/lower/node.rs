//! `nodes:` a given list of nodes outside any pool.

use super::lowering::{Lowering, value};
use super::pool::GPU;
use super::table::Table;
use crate::model::Labels;
use crate::plan::GivenNode;
use crate::scenario::format::{At, Nodes, Text};
use crate::unit::Resources;

/// Pods a node takes where the scenario does not say.
const MAX_PODS: i64 = 250;

/// Room for what no trace asks for.
const EPHEMERAL: i64 = 1 << 40;

/// The given nodes; none after an error.
pub fn given(lowering: &mut Lowering<'_, '_>) -> Vec<GivenNode> {
    let Some(nodes) = value(&lowering.scenario.nodes) else { return Vec::new() };
    read(lowering, nodes).unwrap_or_default()
}

fn read(lowering: &mut Lowering<'_, '_>, nodes: &Nodes) -> Option<Vec<GivenNode>> {
    let file = nodes.file.as_ref()?;
    let table = Table::open(lowering, file, true)?;
    let column = |lowering: &mut Lowering<'_, '_>, key: &Option<At<Text>>, default: &str| {
        let given = key.clone().unwrap_or(At { value: Text(default.to_owned()), span: file.span });
        table.column(lowering, &given)
    };
    let cpu = column(lowering, &nodes.cpu, "cpu_milli")?;
    let memory = column(lowering, &nodes.memory, "memory_mib")?;
    let gpu = match &nodes.gpu {
        Some(name) => Some(table.column(lowering, name)?),
        None => None,
    };
    let model = match &nodes.model {
        Some(name) => Some(table.column(lowering, name)?),
        None => None,
    };
    let name = match &nodes.name {
        Some(name) => Some(table.column(lowering, name)?),
        None => table.find("name").or_else(|| table.find("sn")),
    };
    let max_pods = value(&nodes.max_pods).map_or(MAX_PODS, |count| i64::from(count.0));
    let mut given = Vec::with_capacity(table.rows.len());
    for row in 0..table.rows.len() {
        let number = format!("node-{row:05}");
        let name = name.map_or(number.as_str(), |name| table.text(row, name));
        let mut room = Resources {
            cpu_milli: table.number(lowering, row, cpu)? as i64,
            memory: (table.number(lowering, row, memory)? * 1_048_576.0) as i64,
            ephemeral: EPHEMERAL,
            pods: max_pods,
            ..Resources::ZERO
        };
        let tables = &mut lowering.tables;
        let mut labels: Labels = [
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
        ]
        .into_iter()
        .map(|(key, text)| (tables.intern(key), tables.intern(text)))
        .collect();
        if let Some(kind) = model.map(|model| table.text(row, model)).filter(|m| !m.is_empty()) {
            labels.set(lowering.tables.intern("accelerator"), lowering.tables.intern(kind));
        }
        if let Some(gpu) = gpu {
            let count = table.number(lowering, row, gpu)? as i64;
            if let Some(id) = lowering.tables.extended(GPU) {
                room.extended[usize::from(id.0)] = count;
            }
        }
        let name = lowering.tables.intern(name);
        given.push(GivenNode { name, labels, capacity: room, allocatable: room });
    }
    Some(given)
}
