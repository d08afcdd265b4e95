//! Versions select behaviour.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A Kubernetes minor version, 1.`minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KubernetesVersion {
    /// Minor version.
    pub minor: u16,
}

impl KubernetesVersion {
    /// Oldest minor version whose behaviour is modelled.
    pub const OLDEST: Self = Self { minor: 28 };
    /// Newest minor version whose behaviour is modelled.
    pub const NEWEST: Self = Self { minor: 37 };
    /// What a scenario runs that does not say.
    pub const DEFAULT: Self = Self { minor: 35 };

    /// 1.`minor`
    pub const fn minor(minor: u16) -> Self {
        Self { minor }
    }

    /// Whether this is 1.`minor` or newer.
    pub const fn at_least(self, minor: u16) -> bool {
        self.minor >= minor
    }
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

/// A KEDA minor version, 2.`minor`: the AKS add-on pins it to the cluster's Kubernetes version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KedaVersion {
    /// Minor version.
    pub minor: u16,
}

impl KedaVersion {
    /// What AKS ships with a Kubernetes version (azure-aks-docs `keda-about.md` @ fb060abe; 1.34 is
    /// not listed there and taken as 2.16, an assumption).
    pub const fn shipped_with(kubernetes: KubernetesVersion) -> Self {
        Self {
            minor: match kubernetes.minor {
                0..=30 => 11,
                31 | 32 => 14,
                33 | 34 => 16,
                35 => 17,
                _ => 19,
            },
        }
    }

    /// Whether this is 2.`minor` or newer.
    pub const fn at_least(self, minor: u16) -> bool {
        self.minor >= minor
    }
}

impl fmt::Display for KedaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2.{}", self.minor)
    }
}
