"""Container images: the engine, base images, build contexts and the plan that names what is built."""
