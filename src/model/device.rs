//! Devices of a node that pods share in parts.
//!
//! Source: alibaba/open-simulator `pkg/type/open-gpu-share/cache/gpunodeinfo.go`
//! (`AllocateGpuId`): a pod that wants a part of one device gets the fullest one that has the room.

use super::shape::DeviceShare;
use crate::unit::PodId;

/// Thousandths of a device.
const WHOLE: u16 = 1_000;

/// The parts of devices that pods of one node hold. A device that no pod shares is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedDevices {
    /// Pod, its part, and the number of the device; few on a node.
    parts: Vec<(PodId, DeviceShare, u16)>,
}

impl SharedDevices {
    /// Whether a device that is shared already has room for one part more.
    pub fn has_room(&self, share: DeviceShare) -> bool {
        self.tightest(share).is_some()
    }

    /// Every shared device: kind, number, and the thousandths of it that are taken.
    pub fn taken(&self) -> impl Iterator<Item = (DeviceShare, u16, u32)> + '_ {
        self.parts.iter().enumerate().filter_map(|(index, &(_, share, number))| {
            let same =
                |part: &&(PodId, DeviceShare, u16)| (part.1.kind, part.2) == (share.kind, number);
            let is_first = !self.parts[..index].iter().any(|part| same(&part));
            let taken = || self.parts.iter().filter(same).map(|part| u32::from(part.1.milli)).sum();
            is_first.then(|| (share, number, taken()))
        })
    }

    /// Who holds which part of which device.
    pub fn parts(&self) -> &[(PodId, DeviceShare, u16)] {
        &self.parts
    }

    /// How many pods share devices.
    pub fn pods(&self) -> usize {
        self.parts.len()
    }

    /// Puts pods on the devices that are listed.
    pub(super) fn renumber(&mut self, devices: &[(PodId, u16)]) {
        for part in &mut self.parts {
            if let Some(&(_, number)) = devices.iter().find(|(pod, _)| *pod == part.0) {
                part.2 = number;
            }
        }
    }

    /// A pod takes its part; returns whether that opens a device.
    pub(super) fn join(&mut self, pod: PodId, share: DeviceShare) -> bool {
        let tightest = self.tightest(share);
        let number = tightest.unwrap_or_else(|| self.unused(share));
        self.parts.push((pod, share, number));
        tightest.is_none()
    }

    /// A pod gives its part back; returns whether that was the last one of its device.
    pub(super) fn leave(&mut self, pod: PodId) -> bool {
        let Some(at) = self.parts.iter().position(|part| part.0 == pod) else { return false };
        let (_, share, number) = self.parts.remove(at);
        !self.parts.iter().any(|part| (part.1.kind, part.2) == (share.kind, number))
    }

    /// The device with the least room that is enough; of equal ones the one of lowest number.
    fn tightest(&self, share: DeviceShare) -> Option<u16> {
        let fits = |taken: u32| taken + u32::from(share.milli) <= u32::from(WHOLE);
        self.taken()
            .filter(|&(other, _, taken)| other.kind == share.kind && fits(taken))
            .max_by_key(|&(_, number, taken)| (taken, std::cmp::Reverse(number)))
            .map(|(_, number, _)| number)
    }

    /// The lowest number that no shared device of the kind has.
    fn unused(&self, share: DeviceShare) -> u16 {
        let used = |number: u16| {
            self.parts.iter().any(|part| (part.1.kind, part.2) == (share.kind, number))
        };
        (0..u16::MAX).find(|&number| !used(number)).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::ExtendedId;

    fn share(milli: u16) -> DeviceShare {
        DeviceShare { kind: ExtendedId(0), milli }
    }

    #[test]
    fn parts_are_packed_device_by_device_not_as_a_sum() {
        let mut devices = SharedDevices::default();
        assert!(devices.join(PodId(0), share(600)), "opens the first device");
        assert!(devices.join(PodId(1), share(500)), "1,100 thousandths are not one device");
        assert!(!devices.join(PodId(2), share(400)), "the fullest that has the room");
        assert!(!devices.has_room(share(501)), "500 are left on one device, none on the other");
        assert!(devices.has_room(share(500)));
        let taken =
            |devices: &SharedDevices| -> Vec<u32> { devices.taken().map(|d| d.2).collect() };
        assert_eq!(taken(&devices), [1_000, 500]);
        assert!(!devices.leave(PodId(0)), "another pod is still on it");
        assert!(devices.leave(PodId(2)), "the device is whole again");
        assert_eq!(taken(&devices), [500]);
        assert!(devices.join(PodId(3), share(999)));
        assert!(devices.join(PodId(4), DeviceShare { kind: ExtendedId(1), milli: 1 }));
    }
}
