# The portal's own images, styles and scripts, and those that Debian has in packages of their own.
use strict;
use warnings;
use Plack::App::File;

my %apps = (
    javascript => Plack::App::File->new( root => '/usr/share/javascript' )->to_app,
    own        => Plack::App::File->new( root => '/usr/share/lemonldap-ng/portal/htdocs/static' )->to_app,
);
sub {
    my %env    = %{ $_[0] };
    my $app    = $env{PATH_INFO} =~ s{^/javascript(?=/)}{} ? 'javascript' : 'own';
    my $answer = $apps{$app}->( \%env );
    push @{ $answer->[1] }, 'Cache-Control' => 'public, max-age=86400' if $answer->[0] == 200;
    return $answer;
};
