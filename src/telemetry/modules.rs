//! Parts that need something of the machine or of the settings, and come and go with it. Their routes stay: while a part is not there they
//! say so.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use log::{info, warn};
use serde::Serialize;
use utoipa::ToSchema;

/// A part that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Module {
    /// People pass the platform's challenges in a browser that this server runs.
    ChallengeBrowser,
    /// Letters to users.
    Mail,
}

impl Module {
    pub const ALL: [Self; 2] = [Self::ChallengeBrowser, Self::Mail];

    pub fn name(self) -> &'static str {
        match self {
            Self::ChallengeBrowser => "challenge_browser",
            Self::Mail => "mail",
        }
    }

    /// How to get it, in Chinese and in English.
    pub fn remedy(self) -> (&'static str, &'static str) {
        match self {
            Self::ChallengeBrowser => (
                "安装 Chromium（Debian：apt-get install chromium fonts-noto-cjk），或在 captcha.chromium 中指定路径。装好后无需重启。",
                "Install Chromium (Debian: apt-get install chromium fonts-noto-cjk), or name one in captcha.chromium. No restart is needed.",
            ),
            Self::Mail => (
                "管理员在“设置”中填写 SMTP 服务器后即可使用。",
                "An administrator names an SMTP server under Settings.",
            ),
        }
    }
}

/// How such a part stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModuleState {
    pub available: bool,
    /// How to get it, where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
}

/// What is known of them. Cloning is cheap, and all clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Modules(Arc<RwLock<BTreeMap<Module, bool>>>);

impl Modules {
    /// What nobody has looked for yet is not there.
    pub fn has(&self, module: Module) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&module).copied().unwrap_or(false)
    }

    /// Somebody looked. Each change is logged, and what is absent from the beginning.
    pub fn note(&self, module: Module, available: bool) {
        let before = self.0.write().unwrap_or_else(PoisonError::into_inner).insert(module, available);
        let name = module.name();
        match (before, available) {
            (Some(before), now) if before == now => {}
            (None | Some(_), true) => info!(module = name; "{name} is available"),
            (None, false) => info!(module = name; "{name} is not available: {}", module.remedy().1),
            (Some(_), false) => {
                warn!(module = name, class = "system"; "{name} is not available any more: {}", module.remedy().1);
            }
        }
    }

    /// All of them, by name.
    pub fn report(&self) -> BTreeMap<&'static str, ModuleState> {
        let state = |module: Module| {
            let available = self.has(module);
            ModuleState { available, remedy: (!available).then_some(module.remedy().1) }
        };
        Module::ALL.into_iter().map(|module| (module.name(), state(module))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_comes_and_goes() {
        let modules = Modules::default();
        assert!(!modules.has(Module::Mail));
        modules.note(Module::Mail, true);
        assert!(modules.clone().has(Module::Mail));
        let report = modules.report();
        assert_eq!(report["mail"], ModuleState { available: true, remedy: None });
        assert!(report["challenge_browser"].remedy.is_some_and(|remedy| remedy.contains("apt-get install chromium")));
        modules.note(Module::Mail, false);
        assert!(!modules.has(Module::Mail));
    }
}
