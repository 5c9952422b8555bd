use crate::behavior::follow_table;
use crate::kinds::exchange::exchange;
use crate::shape::List;
use crate::{Answer, Behavior, Kind, Operation, Record, Request, Step, Value};

/// The auth methods of a namespace, in the order of their paths.
#[derive(schemas::Kind)]
#[kind(name = "auth_backends", class = Data, id = "default", behavior = ReadMounts)]
#[kind(read = "GET sys/auth")]
pub struct AuthBackends {
    /// Only those of this type.
    #[kind(local)]
    pub r#type: Option<String>,
    /// Where they are mounted.
    #[kind(local, output)]
    pub paths: Option<List<String>>,
    /// The ids that the server gave the mounts, in the order of `paths`.
    #[kind(local, output)]
    pub accessors: Option<List<String>>,
}

struct ReadMounts;

impl Behavior for ReadMounts {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Read { prior } = operation else { return follow_table(kind, operation, answers) };
        exchange(&[], &[Request::get("sys/auth")], answers, |read| done(prior, read))
    }
}

fn done(config: &Record, read: &[Answer]) -> Step {
    let wanted = config.text("type");
    let mounts = read.iter().filter_map(|answer| answer.data().as_map()).flatten();
    let mounts = mounts.filter(|(_, mount)| wanted.is_empty() || mount.at("type").as_str() == Some(wanted));
    let (paths, accessors): (Vec<Value>, Vec<Value>) =
        mounts.map(|(path, mount)| (path.trim_matches('/').into(), mount.at("accessor").clone())).unzip();
    Step::Done(config.clone().with("type", wanted).with("paths", paths).with("accessors", accessors))
}
