//! The catalogue: VM sizes of Azure with their dated retail prices.
//!
//! The data file names its date and sources. What it leaves blank is unknown and stays unknown:
//! no price is ever guessed here.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::price::default_os_disk_gib;
use super::spec::{OsDisk, OsType};
use crate::unit::{HourlyRate, Resources};

/// The data file.
const TEXT: &str = include_str!("../../scenarios/catalogue/vm-sizes.csv");

/// How a VM is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purchase {
    /// Pay as you go.
    OnDemand,
    /// Spot.
    Spot,
    /// Reserved for one year.
    Reserved1Year,
    /// Reserved for three years.
    Reserved3Years,
    /// Savings plan of one year.
    SavingsPlan1Year,
    /// Savings plan of three years.
    SavingsPlan3Years,
    /// A savings-plan price whose source does not give the term.
    SavingsPlanListed,
}

/// Processor architecture, spelt as in `kubernetes.io/arch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// `amd64`
    Amd64,
    /// `arm64`
    Arm64,
}

/// What kind of local disk a size has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalDisk {
    /// None at all.
    None,
    /// A temporary disk.
    Temporary,
    /// NVMe disks.
    Nvme,
}

/// A VM size.
#[derive(Clone, Debug, PartialEq)]
pub struct VmSize {
    /// Name with its prefix, for example `Standard_D8s_v5`.
    pub name: String,
    /// Quota family as `az vm list-usage` names it, for example `standardDSv5Family`.
    pub family: &'static str,
    /// vCPUs.
    pub vcpus: u32,
    /// Memory in bytes.
    pub memory_bytes: i64,
    /// Kind of local disk; `None`: unknown.
    pub local_disk: Option<LocalDisk>,
    /// Size of the local disk in GiB; `None`: unknown.
    pub temp_disk_gib: Option<u32>,
    /// Size of the cache in GiB; `None`: unknown.
    pub cache_disk_gib: Option<u32>,
    /// Data disks that can be attached.
    pub max_data_disks: u16,
    /// GPUs a pod can ask for. A share of a card (`1/3`) is one device to Kubernetes.
    pub gpus: u32,
    /// Type of the GPU.
    pub gpu_type: Option<&'static str>,
    /// Processor architecture.
    pub arch: Arch,
    /// Whether the OS disk can be ephemeral.
    pub ephemeral_os: bool,
    /// Whether the size is sold as Spot.
    pub spot_eligible: bool,
    /// Zones by region index; `None`: unknown.
    zones: Vec<Option<&'static str>>,
    /// Prices by column of the file.
    prices: Vec<Option<HourlyRate>>,
}

/// A size that the catalogue does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no VM size `{name}` in the catalogue")]
pub struct UnknownSize {
    /// What was asked for.
    pub name: String,
    /// The sizes with the most similar names, best first.
    pub nearest: Vec<&'static str>,
}

/// A size by name: any case, with or without `Standard_`.
///
/// # Errors
/// [`UnknownSize`] with the nearest names.
pub fn find(name: &str) -> Result<&'static VmSize, UnknownSize> {
    let catalogue = catalogue();
    match catalogue.index.get(key(name).as_str()) {
        Some(&at) => Ok(&catalogue.sizes[at]),
        None => Err(UnknownSize { name: name.to_owned(), nearest: nearest(name) }),
    }
}

/// All sizes in the order of the file.
pub fn sizes() -> &'static [VmSize] {
    &catalogue().sizes
}

/// Regions with prices, in the order of the file.
pub fn regions() -> &'static [&'static str] {
    &catalogue().regions
}

/// Date of the newest figure in the catalogue.
pub fn date() -> &'static str {
    catalogue().date
}

/// Where the figures come from.
pub fn source() -> &'static str {
    catalogue().source
}

impl VmSize {
    /// Zones that the size is offered in (`1`, `2`, `3`); `None`: unknown for this region.
    pub fn zones(&self, region: &str) -> Option<Vec<u8>> {
        let at = catalogue().zone_regions.iter().position(|r| *r == region_key(region))?;
        self.zones[at].map(|digits| digits.bytes().map(|digit| digit - b'0').collect())
    }

    /// USD per hour; `None`: unknown. Windows prices include the licence and are known on demand
    /// only.
    pub fn price(&self, region: &str, purchase: Purchase, os: OsType) -> Option<HourlyRate> {
        let region = region_key(region);
        let wanted = |column: &Column| {
            column.region == region && column.purchase == purchase && column.os == os
        };
        self.prices[catalogue().columns.iter().position(wanted)?]
    }

    /// Whether an OS disk of `gib` fits on the local disk or cache, so that AKS makes it ephemeral
    /// by default (azure-compute-docs `ephemeral-os-disks.md`, 2026-09-08).
    pub fn fits_ephemeral_os(&self, gib: u32) -> bool {
        self.ephemeral_os && self.temp_disk_gib.max(self.cache_disk_gib).is_some_and(|d| d >= gib)
    }

    /// The OS disk of a pool that does not say: AKS makes it ephemeral where it fits, as large as
    /// a temporary disk of at least 128 GiB; otherwise managed, by vCPUs. A disk of unknown size
    /// does not count. (azure-aks-docs `concepts-storage.md`.)
    pub fn default_os_disk(&self) -> (OsDisk, u32) {
        let managed = default_os_disk_gib(self.vcpus);
        match self.temp_disk_gib {
            Some(gib) if self.ephemeral_os && gib >= 128 => (OsDisk::Ephemeral, gib),
            _ if self.fits_ephemeral_os(managed) => (OsDisk::Ephemeral, managed),
            _ => (OsDisk::Managed, managed),
        }
    }

    /// Capacity = allocatable of the autoscaler's template of an empty pool: nothing reserved, 110
    /// pods whatever `maxPods` says; GPUs are the caller's to add (kubernetes/autoscaler
    /// `cloudprovider/azure/azure_template.go` @ 0d4679d).
    pub fn template_capacity(&self, os_disk_gib: u32) -> Resources {
        Resources {
            cpu_milli: i64::from(self.vcpus) * 1_000,
            memory: self.memory_bytes,
            ephemeral: i64::from(os_disk_gib) << 30,
            pods: 110,
            ..Resources::ZERO
        }
    }
}

impl Arch {
    /// Value of `kubernetes.io/arch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

const PREFIX: &str = "Standard_";

/// Columns of the file before those of regions.
const FIXED_COLUMNS: usize = 13;

/// What a price column holds.
#[derive(Debug)]
struct Column {
    region: &'static str,
    purchase: Purchase,
    os: OsType,
}

/// The file, read.
#[derive(Debug)]
struct Catalogue {
    date: &'static str,
    source: &'static str,
    regions: Vec<&'static str>,
    zone_regions: Vec<&'static str>,
    columns: Vec<Column>,
    sizes: Vec<VmSize>,
    index: FxHashMap<String, usize>,
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| read(TEXT).expect("the embedded catalogue is well formed"))
}

/// Reads the file: comment lines, of which `# date:` and `# source:` are kept, a header, sizes.
fn read(text: &'static str) -> Option<Catalogue> {
    let comment = |name| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next()?.split(',').collect();
    let mut zone_regions = Vec::new();
    let mut columns = Vec::new();
    for title in &header[FIXED_COLUMNS..] {
        match title.split_once(':')? {
            ("zones", region) => zone_regions.push(region),
            (region, kind) => columns.push(column(region, kind)?),
        }
    }
    let mut regions: Vec<&str> = Vec::new();
    for column in &columns {
        if !regions.contains(&column.region) {
            regions.push(column.region);
        }
    }
    let sizes = lines
        .map(|line| size(line, header.len(), zone_regions.len()))
        .collect::<Option<Vec<_>>>()?;
    let index = sizes.iter().enumerate().map(|(at, size)| (key(&size.name), at)).collect();
    Some(Catalogue {
        date: comment("# date:")?,
        source: comment("# source:")?,
        regions,
        zone_regions,
        columns,
        sizes,
        index,
    })
}

fn column(region: &'static str, kind: &str) -> Option<Column> {
    let (purchase, os) = match kind {
        "on-demand" => (Purchase::OnDemand, OsType::Linux),
        "spot" => (Purchase::Spot, OsType::Linux),
        "reserved-1y" => (Purchase::Reserved1Year, OsType::Linux),
        "reserved-3y" => (Purchase::Reserved3Years, OsType::Linux),
        "savings-1y" => (Purchase::SavingsPlan1Year, OsType::Linux),
        "savings-3y" => (Purchase::SavingsPlan3Years, OsType::Linux),
        "savings-listed" => (Purchase::SavingsPlanListed, OsType::Linux),
        "windows" => (Purchase::OnDemand, OsType::Windows),
        _ => return None,
    };
    Some(Column { region, purchase, os })
}

fn size(line: &'static str, columns: usize, zone_columns: usize) -> Option<VmSize> {
    let cells: Vec<&'static str> = line.split(',').collect();
    if cells.len() != columns {
        return None;
    }
    let optional = |cell: &str| -> Option<Option<u32>> {
        if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) }
    };
    let flag = |cell: &str| match cell {
        "y" => Some(true),
        "n" => Some(false),
        _ => None,
    };
    let (zones, prices) = cells[FIXED_COLUMNS..].split_at(zone_columns);
    Some(VmSize {
        name: format!("{PREFIX}{}", cells[0]),
        family: cells[1],
        vcpus: cells[2].parse().ok()?,
        memory_bytes: i64::try_from(nano(cells[3])? * (1 << 30) / 1_000_000_000).ok()?,
        local_disk: match cells[4] {
            "" => None,
            "none" => Some(LocalDisk::None),
            "temp" => Some(LocalDisk::Temporary),
            "nvme" => Some(LocalDisk::Nvme),
            _ => return None,
        },
        temp_disk_gib: optional(cells[5])?,
        cache_disk_gib: optional(cells[6])?,
        max_data_disks: cells[7].parse().ok()?,
        gpus: if cells[8].contains('/') { 1 } else { cells[8].parse().ok()? },
        gpu_type: Some(cells[9]).filter(|kind| !kind.is_empty()),
        arch: match cells[10] {
            "amd64" => Arch::Amd64,
            "arm64" => Arch::Arm64,
            _ => return None,
        },
        ephemeral_os: flag(cells[11])?,
        spot_eligible: flag(cells[12])?,
        zones: zones.iter().map(|cell| Some(*cell).filter(|zones| !zones.is_empty())).collect(),
        prices: prices.iter().map(|cell| price_cell(cell)).collect::<Option<_>>()?,
    })
}

/// A price, or a blank for an unknown one; the outer `None` is a malformed cell.
fn price_cell(cell: &str) -> Option<Option<HourlyRate>> {
    if cell.is_empty() {
        return Some(None);
    }
    let price = i64::try_from(nano(cell)?).ok()?;
    (price > 0).then_some(Some(HourlyRate(price)))
}

/// A decimal number of at most nine digits after the point, in nano-units.
fn nano(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let digits: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some(whole * 1_000_000_000 + digits * 10i128.pow(9 - fraction.len() as u32))
}

/// Sizes are found by name in lower case without prefix.
fn key(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    lower.strip_prefix("standard_").map(str::to_owned).unwrap_or(lower)
}

/// `West Europe` and `westeurope` are the same region.
fn region_key(region: &str) -> String {
    region.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}

/// The three names closest to `name`.
fn nearest(name: &str) -> Vec<&'static str> {
    const SHOWN: usize = 3;
    let wanted = key(name);
    let mut ranked: Vec<(usize, &'static str)> = sizes()
        .iter()
        .map(|size| (strsim::damerau_levenshtein(&wanted, &key(&size.name)), size.name.as_str()))
        .collect();
    ranked.sort_unstable();
    ranked.truncate(SHOWN);
    ranked.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEST: &str = "westeurope";

    #[test]
    fn the_catalogue_is_complete() {
        assert_eq!(sizes().len(), 401);
        assert_eq!(regions(), ["eastus", "westeurope", "polandcentral"]);
        assert_eq!(date(), "2026-08-20");
        assert!(source().contains("MIT"));
        let arm = sizes().iter().filter(|size| size.arch == Arch::Arm64).count();
        let gpu = sizes().iter().filter(|size| size.gpus > 0).count();
        assert_eq!((arm, gpu), (51, 21));
        let mut names: Vec<String> = sizes().iter().map(|size| key(&size.name)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 401, "no name twice");
    }

    #[test]
    fn blanks_are_unknown_and_counts_match_the_sources() {
        let known = |region: &str, purchase, os| {
            sizes().iter().filter(|size| size.price(region, purchase, os).is_some()).count()
        };
        for (region, purchase, os, count) in [
            ("eastus", Purchase::OnDemand, OsType::Linux, 394),
            ("eastus", Purchase::Spot, OsType::Linux, 390),
            ("eastus", Purchase::OnDemand, OsType::Windows, 357),
            ("eastus", Purchase::Reserved1Year, OsType::Linux, 0),
            (WEST, Purchase::OnDemand, OsType::Linux, 390),
            (WEST, Purchase::Spot, OsType::Linux, 380),
            (WEST, Purchase::SavingsPlanListed, OsType::Linux, 390),
            (WEST, Purchase::Reserved3Years, OsType::Linux, 0),
            (WEST, Purchase::Spot, OsType::Windows, 0),
            ("polandcentral", Purchase::Reserved1Year, OsType::Linux, 329),
            ("polandcentral", Purchase::Reserved3Years, OsType::Linux, 329),
            ("polandcentral", Purchase::SavingsPlan3Years, OsType::Linux, 320),
            ("atlantis", Purchase::OnDemand, OsType::Linux, 0),
        ] {
            assert_eq!(known(region, purchase, os), count, "{region} {purchase:?} {os:?}");
        }
    }

    #[test]
    fn a_size_is_found_by_any_spelling() {
        for name in ["Standard_D8s_v5", "standard_d8s_v5", "D8s_v5", "d8S_V5"] {
            let size = find(name).unwrap();
            assert_eq!(size.name, "Standard_D8s_v5");
            assert_eq!((size.vcpus, size.memory_bytes), (8, 32 << 30));
            assert_eq!(size.family, "standardDSv5Family");
            assert_eq!(size.zones("West Europe"), Some(vec![1, 2, 3]));
            assert_eq!(size.zones("polandcentral"), None);
        }
        assert_eq!(find("B1ls").unwrap().memory_bytes, 1 << 29);
        assert_eq!(find("NV12ads_A10_v5").unwrap().gpus, 1, "a third of a card is one device");
    }

    #[test]
    fn a_typing_error_gets_the_nearest_names() {
        let error = find("Standard_D8s_v55").unwrap_err();
        assert_eq!(error.nearest[0], "Standard_D8s_v5");
        assert_eq!(error.nearest.len(), 3);
    }

    #[test]
    fn an_os_disk_is_ephemeral_where_it_fits() {
        for (name, disk) in [
            ("Standard_D4s_v5", (OsDisk::Managed, 128)),
            ("Standard_D8s_v5", (OsDisk::Managed, 256)),
            ("Standard_D4ds_v5", (OsDisk::Ephemeral, 150)),
            ("Standard_D2ds_v5", (OsDisk::Managed, 128)),
            ("Standard_D16ds_v5", (OsDisk::Ephemeral, 600)),
        ] {
            assert_eq!(find(name).unwrap().default_os_disk(), disk, "{name}");
        }
    }

    #[test]
    fn a_template_reserves_nothing_and_counts_110_pods() {
        let template = find("Standard_D4s_v5").unwrap().template_capacity(128);
        assert_eq!((template.cpu_milli, template.memory), (4_000, 16 << 30));
        assert_eq!((template.ephemeral, template.pods), (128 << 30, 110));
    }

    #[test]
    fn prices_are_exact() {
        let size = find("Standard_D4s_v5").unwrap();
        let price = |region, purchase| size.price(region, purchase, OsType::Linux);
        assert_eq!(price("eastus", Purchase::OnDemand), Some(HourlyRate(192_000_000)));
        assert_eq!(price("polandcentral", Purchase::OnDemand), Some(HourlyRate(230_000_000)));
        assert!(price(WEST, Purchase::Spot) < price(WEST, Purchase::OnDemand));
    }
}
