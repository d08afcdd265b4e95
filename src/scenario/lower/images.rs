//! The disks that hold images: how big they are, what else is on them, when images are collected.

use super::lowering::{Lowering, value};
use super::pool::PoolReader;
use crate::cloud::{ImageGcSpec, PoolSpec};
use crate::control::kubelet::ImageDisk;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::ImagePull;
use crate::unit::{IdVec, ImageId, PoolId, Symbol};

/// Bytes that a node's own software takes of its disk.
const SYSTEM: u64 = 25_000_000_000;
/// Bytes on the disk for a compressed byte, in thousandths.
const FACTOR_MILLI: u64 = 3_000;

impl PoolReader<'_, '_, '_> {
    /// `kubeletConfig`: thresholds of the garbage collection of images.
    pub(super) fn image_gc(&mut self) -> ImageGcSpec {
        let usual = ImageGcSpec::default();
        let Some(at) = &self.given.kubelet else { return usual };
        let high = value(&at.value.image_gc_high).map_or(usual.high, |count| count.0);
        let low = value(&at.value.image_gc_low).map_or(usual.low, |count| count.0);
        // kubernetes `pkg/kubelet/images/image_gc_manager.go` (`NewImageGCManager`), v1.36.2.
        if high > 100 || low >= high {
            let message = format!(
                "`imageGcLowThreshold` {low} must be below `imageGcHighThreshold` {high}, \
                 which is at most 100"
            );
            self.lowering.report(Diagnostic::error(code::BAD_VALUE, message).at(at.span, ""));
        }
        ImageGcSpec { high, low }
    }
}

/// The disk of each pool whose nodes could come to hold too many images.
pub fn disks(
    lowering: &mut Lowering<'_, '_>,
    pools: &IdVec<PoolId, PoolSpec>,
    images: &IdVec<ImageId, (Symbol, u64)>,
) -> IdVec<PoolId, Option<ImageDisk>> {
    let timing = value(&lowering.scenario.timing);
    let empty = ImagePull::default();
    let given = timing.and_then(|timing| value(&timing.image_pull)).unwrap_or(&empty);
    let system = value(&given.system_disk).map(|bytes| bytes.0);
    if system.is_none() {
        let source = "assumption: an Ubuntu node image with what it brings";
        lowering.assume("timing.imagePull.systemDisk", "25GB", source);
    }
    let factor = value(&given.disk_factor).map(|factor| (factor.0 * 1_000.0 + 0.5) as u64);
    if factor.is_none() {
        let source = "assumption: containerd keeps the blob and twice its size unpacked";
        lowering.assume("timing.imagePull.diskFactor", "3", source);
    }
    let every: u64 = images.iter().map(|&(_, bytes)| bytes).sum();
    let of_pool = |pool: &PoolSpec| {
        let disk = ImageDisk {
            capacity: u64::try_from(pool.capacity.ephemeral).unwrap_or(0),
            system: system.unwrap_or(SYSTEM),
            factor_milli: factor.unwrap_or(FACTOR_MILLI),
            high: pool.image_gc.high,
            low: pool.image_gc.low,
        };
        disk.to_free(every).map(|_| disk)
    };
    pools.iter().map(of_pool).collect()
}
