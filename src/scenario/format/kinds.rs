//! Things of several kinds, each written as one key that names its kind.

/// Declares an enum whose kinds are written as a key: `{poisson: {rate: 4/s}}`.
macro_rules! kinds {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident, $what:literal {
            $($(#[doc = $doc:literal])+ $key:literal $variant:ident($section:ty),)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name { $($(#[doc = $doc])+ $variant($section),)+ }

        impl $name {
            /// The kinds.
            pub const KINDS: &'static [&'static str] = &[$($key),+];
        }

        impl $crate::scenario::format::reader::Read for $name {
            fn read(
                node: &$crate::scenario::node::Node,
                reader: &mut $crate::scenario::format::reader::Reader,
            ) -> Option<Self> {
                let (key, value) = reader.only_key(node, $what, Self::KINDS)?;
                match key.text.as_str() {
                    $($key => reader
                        .under::<$section>($key, value)
                        .map(|at| Self::$variant(at.value)),)+
                    _ => None,
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let kinds = [$($crate::scenario::format::distribution::one_key(
                    $key,
                    &generator.subschema_for::<$section>(),
                )),+];
                schemars::json_schema!({"oneOf": kinds})
            }
        }
    };
}
pub(crate) use kinds;
