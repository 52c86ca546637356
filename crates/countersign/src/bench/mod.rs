//! x
use crate::config::Environment;
use crate::failure::Failure;
use crate::output::Output;
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    #[arg(long)]
    pub(crate) json: bool,
}
pub(crate) async fn bench(
    _args: &BenchArgs,
    _environment: &Environment,
    _output: Output,
) -> Result<std::process::ExitCode, Failure> {
    Ok(std::process::ExitCode::SUCCESS)
}
