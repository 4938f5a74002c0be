package Medianest::Reset;

# "Forgot your password": asks for a link by mail. The page writes one row for each request, and says the same to all; `mailer` does the rest.
use strict;
use warnings;
use Mouse;
use Medianest::Database;
use Medianest::Mail;
extends 'Lemonldap::NG::Portal::Main::Plugin';

use constant hook => { sendHtml => 'offered' };

sub init {
    my ($self) = @_;
    return 1 unless Medianest::Mail::settings();
    for my $add (qw(addUnauthRoute addAuthRoute)) {
        $self->$add( forgot => 'show', ['GET'] );
        $self->$add( forgot => 'ask',  ['POST'] );
    }
    return 1;
}

# The page of the sign-in has the link where there is a mail server.
sub offered {
    my ( $self, $req, $template, $args ) = @_;
    $args->{params}{FORGOT} = 1 if Medianest::Mail::settings();
    return 0;
}

sub page {
    my ( $self, $req, %params ) = @_;
    return $self->p->sendHtml( $req, 'forgot', params => { %params, MINUTES => Medianest::Mail::settings()->{resetMinutes} } );
}

sub show {
    my ( $self, $req ) = @_;
    return $self->page($req);
}

sub ask {
    my ( $self, $req ) = @_;
    my $asked = lc( $req->param('user') // '' ) =~ s/\A\s+|\s+\z//gr;
    return $self->page($req) if $asked eq '' || length $asked > 254 || $asked =~ /\p{Cc}/;
    my $taken = eval { Medianest::Mail::ask( $asked, $req->address ) };
    if ( !defined $taken ) {
        $self->logger->error( 'password reset: ' . $@ =~ s/\s+/ /gr );
        return $self->p->sendError( $req, 'the database does not answer', 503 );
    }
    my ( $message, $code ) = $taken ? ( 'Password reset asked for', 'PASSWORD_RESET_ASKED' ) : ( 'Password reset asked for too often', 'PASSWORD_RESET_LIMITED' );
    $self->auditLog( $req, message => $message, code => $code );
    return $self->page( $req, DONE => 1 );
}

1;
