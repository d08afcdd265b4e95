//! Names and labels: what AKS calls a pool's scale set and nodes, and what labels they carry.

use super::catalogue::Arch;
use super::spec::{NetworkMode, OsDisk, OsType};
use crate::unit::{InstanceId, Lots};

/// The name of a pool's scale set: `aks-<pool>-<8 digits>-vmss`, for Windows `aks<pool>`. The
/// digits are AKS's own hash; here they follow from the two names.
pub fn scale_set_name(cluster: &str, pool: &str, os: OsType) -> String {
    match os {
        OsType::Linux => format!("aks-{pool}-{:08}-vmss", digits(cluster, pool)),
        OsType::Windows => format!("aks{pool}"),
    }
}

/// The name of a node: its scale set's and the instance number in base 36, six places.
pub fn node_name(scale_set: &str, instance: InstanceId) -> String {
    const PLACES: usize = 6;
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut name = String::with_capacity(scale_set.len() + PLACES);
    name.push_str(scale_set);
    let mut divisor = 36u32.pow(PLACES as u32 - 1);
    for _ in 0..PLACES {
        name.push(char::from(DIGITS[(instance.0 / divisor % 36) as usize]));
        divisor /= 36;
    }
    name
}

fn digits(cluster: &str, pool: &str) -> u64 {
    let separated = cluster.bytes().chain([0]).chain(pool.bytes());
    let lots = separated.fold(Lots::new(0), |lots, byte| lots.of(u64::from(byte)));
    lots.draw() % 100_000_000
}

/// What a pool's labels depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolIdentity<'a> {
    /// Pool.
    pub pool: &'a str,
    /// Resource group of the nodes (`MC_…`), value of `kubernetes.azure.com/cluster`.
    pub node_resource_group: &'a str,
    /// Region.
    pub location: &'a str,
    /// VM size.
    pub size: &'a str,
    /// Processor architecture.
    pub arch: Arch,
    /// Operating system.
    pub os: OsType,
    /// OS disk.
    pub os_disk: OsDisk,
    /// `mode: System`
    pub system: bool,
    /// Spot.
    pub spot: bool,
    /// Has GPUs.
    pub gpu: bool,
    /// Network mode.
    pub network: NetworkMode,
}

/// Labels of the pool's nodes, less hostname and zone (see [`zone_labels`]) and less the user's
/// own, in order of key. As seen on AKS 1.29-1.32 nodes; values that nobody selects on
/// (identities, image versions) are left out.
pub fn node_labels(pool: &PoolIdentity<'_>) -> Vec<(String, String)> {
    let mut labels = generic(pool, pool.arch.name());
    labels.extend(predicted(pool));
    let mode = if pool.system { "system" } else { "user" };
    let mut set = |key: &str, value: &str| labels.push((key.to_owned(), value.to_owned()));
    set("kubernetes.azure.com/cluster", pool.node_resource_group);
    set("kubernetes.azure.com/mode", mode);
    set("kubernetes.azure.com/nodepool-type", "VirtualMachineScaleSets");
    set("kubernetes.azure.com/role", "agent");
    let os_sku = if pool.os == OsType::Windows { "Windows2022" } else { "Ubuntu" };
    set("kubernetes.azure.com/os-sku", os_sku);
    if pool.spot {
        set(SPOT_KEY, "spot");
    }
    match pool.network {
        NetworkMode::Overlay => {
            set("kubernetes.azure.com/azure-cni-overlay", "true");
            set("kubernetes.azure.com/podnetwork-type", "overlay");
        }
        NetworkMode::PodSubnetStatic => set("kubernetes.azure.com/podnetwork-type", "vnetblock"),
        _ => {}
    }
    sorted(labels)
}

/// Labels that the autoscaler's template of an empty pool has, less hostname and zone. The template
/// says `amd64` whatever the size, and has neither the pool's mode nor the spot label unless the
/// scale set's tags carry them, as AKS's do for the user's labels and the spot label.
/// (kubernetes/autoscaler `cloudprovider/azure/azure_template.go` @ 0d4679d.)
pub fn template_labels(pool: &PoolIdentity<'_>) -> Vec<(String, String)> {
    let mut labels = generic(pool, Arch::Amd64.name());
    labels.extend(predicted(pool));
    if pool.spot {
        labels.push((SPOT_KEY.to_owned(), "spot".to_owned()));
    }
    sorted(labels)
}

/// Key of the label and of the taint (`=spot:NoSchedule`) of spot nodes.
pub const SPOT_KEY: &str = "kubernetes.azure.com/scalesetpriority";

/// Value of `topology.kubernetes.io/zone`: `westeurope-1`, or `0` without zones.
pub fn zone_value(location: &str, zone: Option<&str>) -> String {
    match zone {
        Some(zone) => format!("{}-{zone}", location.to_ascii_lowercase()),
        None => "0".to_owned(),
    }
}

/// Labels that follow a node's zone, given as a value of [`zone_value`].
pub fn zone_labels(value: &str) -> [(&'static str, &str); 3] {
    let disk = if value == "0" { "" } else { value };
    [
        ("failure-domain.beta.kubernetes.io/zone", value),
        ("topology.disk.csi.azure.com/zone", disk),
        ("topology.kubernetes.io/zone", value),
    ]
}

/// Labels of every Kubernetes node in a cloud.
fn generic(pool: &PoolIdentity<'_>, arch: &str) -> Vec<(String, String)> {
    let os = match pool.os {
        OsType::Linux => "linux",
        OsType::Windows => "windows",
    };
    let region = pool.location.to_ascii_lowercase();
    [
        ("beta.kubernetes.io/arch", arch),
        ("beta.kubernetes.io/instance-type", pool.size),
        ("beta.kubernetes.io/os", os),
        ("failure-domain.beta.kubernetes.io/region", region.as_str()),
        ("kubernetes.io/arch", arch),
        ("kubernetes.io/os", os),
        ("node.kubernetes.io/instance-type", pool.size),
        ("topology.kubernetes.io/region", region.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

/// Labels of AKS that the autoscaler predicts for its template.
fn predicted(pool: &PoolIdentity<'_>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut both = |name: &str, value: &str| {
        labels.push((name.to_owned(), value.to_owned()));
        labels.push((format!("kubernetes.azure.com/{name}"), value.to_owned()));
    };
    both("agentpool", pool.pool);
    match pool.os_disk {
        OsDisk::Ephemeral => both("storageprofile", "ephemeral"),
        OsDisk::Managed => {
            both("storageprofile", "managed");
            both("storagetier", "Premium_LRS");
        }
    }
    if pool.gpu {
        both("accelerator", "nvidia");
    }
    labels
}

fn sorted(mut labels: Vec<(String, String)>) -> Vec<(String, String)> {
    labels.sort();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: PoolIdentity<'_> = PoolIdentity {
        pool: "apps",
        node_resource_group: "MC_rg_shop_westeurope",
        location: "WestEurope",
        size: "Standard_D8s_v5",
        arch: Arch::Amd64,
        os: OsType::Linux,
        os_disk: OsDisk::Managed,
        system: false,
        spot: false,
        gpu: false,
        network: NetworkMode::Overlay,
    };

    #[test]
    fn nodes_are_named_as_azure_names_them() {
        for (number, name) in [
            (0, "aks-apps-12345678-vmss000000"),
            (10, "aks-apps-12345678-vmss00000a"),
            (35, "aks-apps-12345678-vmss00000z"),
            (36, "aks-apps-12345678-vmss000010"),
            (999, "aks-apps-12345678-vmss0000rr"),
        ] {
            assert_eq!(node_name("aks-apps-12345678-vmss", InstanceId(number)), name);
        }
    }

    #[test]
    fn scale_sets_have_eight_digits_of_their_own() {
        let name = scale_set_name("shop", "apps", OsType::Linux);
        let digits = name.strip_prefix("aks-apps-").unwrap().strip_suffix("-vmss").unwrap();
        assert_eq!(digits.len(), 8);
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(name, scale_set_name("shop", "apps", OsType::Linux));
        assert_ne!(digits, &scale_set_name("shop", "spot", OsType::Linux)[9..17]);
        assert_eq!(scale_set_name("shop", "win", OsType::Windows), "akswin");
    }

    fn value<'a>(labels: &'a [(String, String)], key: &str) -> Option<&'a str> {
        labels.iter().find(|label| label.0 == key).map(|label| label.1.as_str())
    }

    #[test]
    fn labels_follow_the_pool() {
        let spot_gpu = PoolIdentity {
            spot: true,
            gpu: true,
            arch: Arch::Arm64,
            os_disk: OsDisk::Ephemeral,
            ..POOL
        };
        for (key, plain, special, template) in [
            ("agentpool", Some("apps"), Some("apps"), Some("apps")),
            ("kubernetes.azure.com/mode", Some("user"), Some("user"), None),
            ("kubernetes.azure.com/scalesetpriority", None, Some("spot"), Some("spot")),
            ("kubernetes.azure.com/accelerator", None, Some("nvidia"), Some("nvidia")),
            ("kubernetes.io/arch", Some("amd64"), Some("arm64"), Some("amd64")),
            ("storageprofile", Some("managed"), Some("ephemeral"), Some("ephemeral")),
            ("storagetier", Some("Premium_LRS"), None, None),
            (
                "topology.kubernetes.io/region",
                Some("westeurope"),
                Some("westeurope"),
                Some("westeurope"),
            ),
        ] {
            assert_eq!(value(&node_labels(&POOL), key), plain, "{key}");
            assert_eq!(value(&node_labels(&spot_gpu), key), special, "{key}");
            assert_eq!(value(&template_labels(&spot_gpu), key), template, "{key}");
        }
    }

    #[test]
    fn no_label_comes_twice() {
        let mut keys: Vec<String> = node_labels(&POOL).into_iter().map(|label| label.0).collect();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn zones_have_their_region_in_front() {
        assert_eq!(zone_value("WestEurope", Some("2")), "westeurope-2");
        assert_eq!(zone_value("westeurope", None), "0");
        assert_eq!(zone_labels("0")[1].1, "");
    }
}
