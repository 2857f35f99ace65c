"""The walk of a recurrent layer through time: its maps, its gates, and its gradients."""
