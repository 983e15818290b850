#!/bin/bash
# Four workers, one a node: sbatch slurm.sh
#SBATCH --job-name=gfnet
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
workers=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed 's/$/:2222/' | paste -s -d ,)
# Nodes in their own order, so that task N is on the N-th of them. Saves before Slurm's time is up (exit code 124): submit it again then.
srun --distribution=block --kill-on-bad-exit=1 bash -c '
  exec gfnet train all --data /shared/images --out /shared/runs/a --resume --max-time 23h50m \
    --threads "$SLURM_CPUS_PER_TASK" --workers "$1" --task "$SLURM_PROCID"' worker "$workers"
