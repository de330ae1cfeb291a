export const wrongManifests = () => [];
