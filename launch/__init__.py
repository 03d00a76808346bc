"""Where jobs run: TPU VMs, SkyPilot, Kubernetes, SLURM, or several processes on this machine."""
