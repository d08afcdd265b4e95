//! Garbage collection of images: which of them go when the disk that holds them fills.
//!
//! kubernetes v1.36.2 `pkg/kubelet/images/image_gc_manager.go` (`GarbageCollect`, `freeSpace`,
//! `byLastUsedAndDetected`) and `pkg/kubelet/kubelet.go` (`ImageGCPeriod`).

use crate::unit::{Duration, ImageId, SimTime};

/// Images are looked through, and collected, this often (`ImageGCPeriod`).
pub const IMAGE_GC_PERIOD: Duration = Duration::from_secs(300);
/// An image that the kubelet has known for less stays (`imageMinimumGCAge`).
pub const IMAGE_MIN_AGE: Duration = Duration::from_secs(120);

/// The disk that holds a node's images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageDisk {
    /// Bytes of the file system.
    pub capacity: u64,
    /// Bytes of it that the node's own software uses.
    pub system: u64,
    /// Thousandths of a byte on the disk for a compressed byte of an image.
    pub factor_milli: u64,
    /// `imageGCHighThresholdPercent`
    pub high: u32,
    /// `imageGCLowThresholdPercent`
    pub low: u32,
}

/// What the kubelet knows of an image on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldImage {
    /// The image.
    pub image: ImageId,
    /// Its compressed bytes, which is the size that containerd reports.
    pub bytes: u64,
    /// A container of a pod on the node was made of it, whether it runs or not.
    pub in_use: bool,
    /// When it was last seen in use; zero: never.
    pub last_used: SimTime,
    /// When it was first seen.
    pub detected: SimTime,
}

impl ImageDisk {
    /// Bytes of the disk in use when the images on it have this many compressed bytes.
    pub fn used(&self, compressed: u64) -> u64 {
        let images = u128::from(compressed) * u128::from(self.factor_milli) / 1_000;
        self.system.saturating_add(u64::try_from(images).unwrap_or(u64::MAX)).min(self.capacity)
    }

    /// Bytes to free, if the images on the disk are too many.
    pub fn to_free(&self, compressed: u64) -> Option<u64> {
        let available = self.capacity - self.used(compressed);
        let percent = |part: u64| u128::from(part) * 100 / u128::from(self.capacity.max(1));
        let usage = 100 - percent(available);
        // `disableImageGC`: at 100 % the kubelet leaves images alone.
        if self.high >= 100 || usage < u128::from(self.high) {
            return None;
        }
        let wanted = u128::from(self.capacity) * u128::from(100 - self.low) / 100;
        Some(u64::try_from(wanted).unwrap_or(u64::MAX).saturating_sub(available))
    }
}

/// The images to remove so that `to_free` bytes come free: unused ones, the least recently used
/// first. The kubelet counts an image by the size that the runtime reports.
pub fn collect(mut held: Vec<HeldImage>, to_free: u64, now: SimTime) -> Vec<ImageId> {
    held.sort_by_key(|image| (image.last_used, image.detected, image.image));
    let mut freed = 0_u64;
    let mut gone = Vec::new();
    for image in held {
        if freed >= to_free {
            break;
        }
        if !image.in_use && now.since(image.detected) >= IMAGE_MIN_AGE {
            freed = freed.saturating_add(image.bytes);
            gone.push(image.image);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn disk(high: u32, low: u32) -> ImageDisk {
        ImageDisk { capacity: 100 * GB, system: 20 * GB, factor_milli: 3_000, high, low }
    }

    #[test]
    fn from_the_high_threshold_on_as_much_is_freed_as_leads_to_the_low_one() {
        for (high, low, compressed_gb, to_free_gb) in [
            (85, 80, 21, None),
            // 20 + 3 x 22 = 86.
            (85, 80, 22, Some(6)),
            (86, 80, 22, Some(6)),
            (87, 80, 22, None),
            (85, 50, 22, Some(36)),
            // Full: no more than the disk holds.
            (85, 80, 40, Some(20)),
            (100, 80, 40, None),
        ] {
            let to_free = disk(high, low).to_free(compressed_gb * GB);
            assert_eq!(to_free, to_free_gb.map(|gb| gb * GB), "{high} {low} {compressed_gb} GB");
        }
    }

    #[test]
    fn unused_images_go_the_least_recently_used_first() {
        let at = |seconds| SimTime::ZERO + Duration::from_secs(seconds);
        let image = |number, in_use, last_used, detected| HeldImage {
            image: ImageId(number),
            bytes: 2 * GB,
            in_use,
            last_used: at(last_used),
            detected: at(detected),
        };
        let held = vec![
            image(0, true, 900, 0),
            image(1, false, 600, 0),
            image(2, false, 300, 60),
            image(3, false, 300, 30),
            // Never used, but known for less than two minutes.
            image(4, false, 0, 800),
        ];
        for (to_free, gone) in [
            (0, vec![]),
            (1, vec![3]),
            (2 * GB, vec![3]),
            (2 * GB + 1, vec![3, 2]),
            (100 * GB, vec![3, 2, 1]),
        ] {
            let gone: Vec<ImageId> = gone.into_iter().map(ImageId).collect();
            assert_eq!(collect(held.clone(), to_free, at(900)), gone, "{to_free}");
        }
        assert_eq!(collect(held, 100 * GB, at(920))[0], ImageId(4), "now it is old enough");
    }
}
