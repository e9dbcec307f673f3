#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An assessment as a job array: slurm/assess.sh SHARDS OUT MODEL [more of `infenclave assess`]
# Each job computes a shard; a last job, after all of these, merges the results. Run it in a folder that all nodes share;
# INFENCLAVE is the program. After `scontrol requeue` or a node failure a shard continues where it stopped.
set -euo pipefail
shards=$1 out=$2
shift 2
infenclave=${INFENCLAVE:-infenclave}
work=$out.shards
mkdir -p "$work"

array=$(sbatch --parsable --requeue --array="1-$shards" --job-name=assess --output="$work/%a.log" ${SBATCH_OPTIONS:-} <<JOB
#!/bin/bash
exec $(printf '%q ' "$infenclave" assess "$@") --shard "\$SLURM_ARRAY_TASK_ID/$shards" --work $(printf '%q' "$work")/"\$SLURM_ARRAY_TASK_ID"
JOB
)
folders=()
for shard in $(seq "$shards"); do folders+=("$work/$shard"); done
merge=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes --job-name=assess-merge --output="$work/merge.log" ${SBATCH_OPTIONS:-} <<JOB
#!/bin/bash
exec $(printf '%q ' "$infenclave" assess merge "${folders[@]}" --out "$out")
JOB
)
echo "$merge"
